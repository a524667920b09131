#include "delta/layout/json_scanner.h"

#include <algorithm>

namespace strandline::delta {

void JsonScanner::skip_space() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
}

bool JsonScanner::accept(char wanted) {
    if (!ok_) return false;
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
}

std::string_view JsonScanner::string() {
    expect('"');
    if (!ok_) return {};
    const auto begin = at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) {
        ok_ = false;
        return {};
    }
    return text_.substr(begin, at_++ - begin);
}

std::uint64_t JsonScanner::number() {
    skip_space();
    const auto begin = at_;
    std::uint64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
        if (value > (UINT64_MAX - digit) / 10) ok_ = false;
        value = 10 * value + digit;
    }
    if (at_ == begin) ok_ = false;
    return ok_ ? value : 0;
}

void JsonScanner::skip_value() {
    std::uint64_t depth = 0;
    do {
        skip_space();
        if (!ok_ || at_ >= text_.size()) {
            ok_ = false;
            return;
        }
        const char next = text_[at_];
        if (next == '"') {
            static_cast<void>(string());
            continue;
        }
        if (next == '{' || next == '[') ++depth;
        if ((next == '}' || next == ']') && depth > 0) --depth;
        ++at_;
        // A number or a word at the top ends where the surrounding object goes on.
        if (depth == 0) at_ = std::min(text_.find_first_of(",}] \t\r\n", at_), text_.size());
    } while (depth > 0);
}

}  // namespace strandline::delta
