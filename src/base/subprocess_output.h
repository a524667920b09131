#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/subprocess.h"

namespace strandline::detail {

/// Receives one output stream of a child within fixed memory: keeps the end of it, or hands it on
/// line by line.
class OutputReader {
public:
    /// `pipe` is non-blocking, or empty when the stream is not ours to read.
    OutputReader(UniqueFd pipe, ChildOutput mode, std::size_t max_captured,
                 std::function<void(std::string_view)> on_line);

    /// -1 once the stream has ended.
    [[nodiscard]] int fd() const { return pipe_.get(); }
    /// Reads what is there now, at most 1 MiB so that two busy streams take turns.
    void drain();
    /// Ends reading: hands on an unfinished last line, and closes the pipe.
    void finish();

    [[nodiscard]] std::string take_text();
    [[nodiscard]] bool cut() const { return cut_; }

private:
    void accept(std::string_view bytes);
    void keep(std::string_view bytes);
    void split(std::string_view bytes);

    UniqueFd pipe_;
    ChildOutput mode_;
    std::size_t max_captured_;
    std::function<void(std::string_view)> on_line_;
    std::string buffer_;  ///< the captured end, or the unfinished line
    bool cut_ = false;
    bool skipping_ = false;  ///< inside the rest of a line that was too long
};

}  // namespace strandline::detail
