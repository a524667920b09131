#include "base/subprocess_output.h"

#include <array>
#include <cerrno>
#include <unistd.h>

namespace strandline::detail {
namespace {

constexpr std::size_t max_line_bytes = std::size_t{8} << 10;
constexpr int max_reads_per_turn = 64;

}  // namespace

OutputReader::OutputReader(UniqueFd pipe, ChildOutput mode, std::size_t max_captured,
                           std::function<void(std::string_view)> on_line)
    : pipe_(std::move(pipe)),
      mode_(mode),
      max_captured_(max_captured),
      on_line_(std::move(on_line)) {}

void OutputReader::drain() {
    std::array<char, std::size_t{16} << 10> chunk;
    for (int turn = 0; pipe_ && turn < max_reads_per_turn; ++turn) {
        const ssize_t count = ::read(pipe_.get(), chunk.data(), chunk.size());
        if (count > 0) {
            accept({chunk.data(), static_cast<std::size_t>(count)});
        } else if (count < 0 && errno == EINTR) {
            continue;
        } else if (count < 0 && errno == EAGAIN) {
            return;
        } else {
            finish();
        }
    }
}

void OutputReader::finish() {
    if (mode_ == ChildOutput::lines && !buffer_.empty() && on_line_) {
        on_line_(buffer_);
        buffer_.clear();
    }
    pipe_.reset();
}

std::string OutputReader::take_text() {
    if (buffer_.size() > max_captured_) {
        buffer_.erase(0, buffer_.size() - max_captured_);
        cut_ = true;
    }
    return std::move(buffer_);
}

void OutputReader::accept(std::string_view bytes) {
    if (mode_ == ChildOutput::lines) {
        split(bytes);
    } else {
        keep(bytes);
    }
}

void OutputReader::keep(std::string_view bytes) {
    buffer_.append(bytes);
    // Twice the limit before trimming: each byte is then moved at most once on average.
    if (buffer_.size() > 2 * max_captured_) {
        buffer_.erase(0, buffer_.size() - max_captured_);
        cut_ = true;
    }
}

void OutputReader::split(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const auto part = bytes.substr(0, end);
        if (!skipping_) {
            buffer_.append(part.substr(0, max_line_bytes - buffer_.size()));
            skipping_ = buffer_.size() == max_line_bytes;
        }
        if (end == std::string_view::npos) return;
        if (!buffer_.empty() && buffer_.back() == '\r') buffer_.pop_back();
        if (on_line_) on_line_(buffer_);
        buffer_.clear();
        skipping_ = false;
        bytes.remove_prefix(end + 1);
    }
}

}  // namespace strandline::detail
