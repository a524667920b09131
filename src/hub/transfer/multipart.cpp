#include "hub/transfer/multipart.h"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

namespace strandline::hub {
namespace {

constexpr std::size_t max_boundary = 70;  // RFC 2046 section 5.1.1

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes a quoted string from the front of `text`. Browsers write a backslash of a Windows path
// plainly, so only an escaped quote or backslash counts as an escape.
std::string take_quoted(std::string_view& text) {
    std::string out;
    std::size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
        const bool escape =
            text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
        if (escape) ++i;
        out += text[i];
    }
    text.remove_prefix(std::min(text.size(), i + 1));
    return out;
}

std::string take_token(std::string_view& text) {
    const auto end = std::min(text.find(';'), text.size());
    std::string out(trim(text.substr(0, end)));
    text.remove_prefix(end);
    return out;
}

// The WHATWG form encoding of names: only these three are encoded by browsers.
std::string decode_name(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto code = text.substr(i, 3);
        if (same_word(code, "%22")) {
            out += '"';
        } else if (same_word(code, "%0d")) {
            out += '\r';
        } else if (same_word(code, "%0a")) {
            out += '\n';
        } else {
            out += text[i];
            continue;
        }
        i += 2;
    }
    return out;
}

Status read_field(std::string_view line, PartHead& head, bool& disposition) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return fail(Errc::invalid, "form: a part has a malformed header");
    }
    const auto name = line.substr(0, colon);
    const auto value = trim(line.substr(colon + 1));
    if (same_word(name, "content-type")) head.content_type = value;
    if (!same_word(name, "content-disposition")) return {};
    disposition = same_word(trim(value.substr(0, value.find(';'))), "form-data");
    const auto field = header_parameter(value, "name");
    if (!field) return fail(Errc::invalid, "form: a part has no name");
    head.name = decode_name(*field);
    if (auto filename = header_parameter(value, "filename")) head.filename = decode_name(*filename);
    return {};
}

Result<PartHead> parse_head(std::string_view text) {
    PartHead head;
    bool disposition = false;
    while (!text.empty()) {
        const auto end = std::min(text.find("\r\n"), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(text.size(), end + 2));
        TRY(read_field(line, head, disposition));
    }
    if (!disposition)
        return fail(Errc::invalid, "form: a part has no Content-Disposition: form-data");
    return head;
}

}  // namespace

std::optional<std::string> header_parameter(std::string_view value, std::string_view name) {
    auto rest = value.substr(std::min(value.find(';'), value.size()));
    while (!rest.empty()) {
        rest.remove_prefix(1);  // the semicolon
        const auto equals = rest.find_first_of("=;");
        if (equals == std::string_view::npos) return std::nullopt;
        const auto key = trim(rest.substr(0, equals));
        const bool has_value = rest[equals] == '=';
        rest.remove_prefix(has_value ? equals + 1 : equals);
        if (!has_value) continue;
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
        auto text = rest.starts_with('"') ? take_quoted(rest) : take_token(rest);
        if (same_word(key, name)) return text;
        rest.remove_prefix(std::min(rest.find(';'), rest.size()));
    }
    return std::nullopt;
}

MultipartParser::MultipartParser(std::string delimiter, PartSink& sink, Limits limits)
    : delimiter_(std::move(delimiter)), sink_(&sink), limits_(limits) {}

Result<MultipartParser> MultipartParser::create(std::string_view content_type, PartSink& sink,
                                                Limits limits) {
    const auto type = trim(content_type.substr(0, content_type.find(';')));
    if (!same_word(type, "multipart/form-data")) {
        return fail(Errc::invalid, "the body must be multipart/form-data");
    }
    const auto boundary = header_parameter(content_type, "boundary");
    if (!boundary || boundary->empty() || boundary->size() > max_boundary) {
        return fail(Errc::invalid, "Content-Type needs a boundary of 1 to 70 characters");
    }
    return MultipartParser("\r\n--" + *boundary, sink, limits);
}

Status MultipartParser::feed(ByteSpan bytes) {
    if (state_ == State::done) return {};  // the epilogue means nothing (RFC 2046)
    buffer_.erase(0, used_);
    used_ = 0;
    buffer_ += as_text(bytes);
    while (true) {
        TRY(const auto next, step());
        if (next == Step::need_more) return {};
    }
}

Status MultipartParser::finish() {
    if (state_ == State::done) return {};
    return fail(Errc::invalid, "form: ends before its closing boundary");
}

Result<MultipartParser::Step> MultipartParser::step() {
    switch (state_) {
        case State::preamble:
            return skip_preamble();
        case State::after_delimiter:
            return read_delimiter_end();
        case State::head:
            return read_head();
        case State::body:
            return read_body();
        case State::done:
            return Step::need_more;
    }
    return Step::need_more;
}

Result<MultipartParser::Step> MultipartParser::skip_preamble() {
    const auto at = rest().find(delimiter_);
    if (at == std::string_view::npos) {
        used_ += rest().size() - std::min(rest().size(), delimiter_.size() - 1);
        return Step::need_more;
    }
    used_ += at + delimiter_.size();
    state_ = State::after_delimiter;
    return Step::again;
}

Result<MultipartParser::Step> MultipartParser::read_delimiter_end() {
    const auto text = rest();
    if (text.size() < 2) return Step::need_more;
    if (text.starts_with("--")) {
        state_ = State::done;
        used_ = buffer_.size();
        return Step::need_more;
    }
    // "transport padding": white space between boundary and line end
    const auto end = text.find_first_not_of(" \t");
    if (std::min(end, text.size()) > limits_.max_head_bytes)
        return fail(Errc::invalid, "form: malformed boundary");
    if (end == std::string_view::npos || end + 1 >= text.size()) return Step::need_more;
    if (text.substr(end, 2) != "\r\n") return fail(Errc::invalid, "form: malformed boundary line");
    if (++parts_ > limits_.max_parts) {
        return fail(Errc::invalid, fmt::format("form: more than {} parts", limits_.max_parts));
    }
    used_ += end;  // the line end stays: a head may be empty, and then it is also the head's end
    state_ = State::head;
    return Step::again;
}

Result<MultipartParser::Step> MultipartParser::read_head() {
    constexpr std::string_view blank_line = "\r\n\r\n";
    const auto end = rest().find(blank_line);
    const bool complete = end != std::string_view::npos;
    // Where the rest may end within the blank line, the head is that much shorter.
    const auto least =
        complete ? end : rest().size() - std::min(rest().size(), blank_line.size() - 1);
    if (least > limits_.max_head_bytes) {
        return fail(Errc::invalid, fmt::format("form: the head of a part is longer than {} bytes",
                                               limits_.max_head_bytes));
    }
    if (!complete) return Step::need_more;
    const auto fields = end < 2 ? std::string_view{} : rest().substr(2, end - 2);
    TRY(const auto head, parse_head(fields));
    TRY(sink_->begin(head));
    used_ += end + blank_line.size();
    state_ = State::body;
    return Step::again;
}

Result<MultipartParser::Step> MultipartParser::read_body() {
    const auto text = rest();
    const auto at = text.find(delimiter_);
    const bool found = at != std::string_view::npos;
    const auto whole = found ? at : text.size() - std::min(text.size(), delimiter_.size() - 1);
    if (whole > 0) {
        TRY(sink_->data(as_bytes(text.substr(0, whole))));
        used_ += whole;
    }
    if (!found) return Step::need_more;
    used_ += delimiter_.size();
    TRY(sink_->end());
    state_ = State::after_delimiter;
    return Step::again;
}

}  // namespace strandline::hub
