#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/command_line.h"
#include "cli/document.h"
#include "cli/hub_client.h"
#include "cli/profile.h"

namespace strandline::cli {

/// What a running command works with: the hub it is logged in to, and where its output goes.
class Context {
public:
    explicit Context(GlobalOptions options);
    ~Context();

    [[nodiscard]] const GlobalOptions& options() const { return options_; }
    [[nodiscard]] bool json() const { return options_.output == OutputFormat::json; }
    /// Whether a person watches: standard error is a terminal, and neither JSON nor quiet was
    /// asked.
    [[nodiscard]] bool interactive() const;

    /// The client of the profile's hub; made at first use. `unauthenticated` before a login.
    [[nodiscard]] Result<HubClient*> hub();
    [[nodiscard]] Result<Profile> profile() const;
    [[nodiscard]] std::string profile_path() const;

    /// To standard output, as it is.
    void print(std::string_view text) const;
    /// One line of progress to standard error, unless quiet.
    void note(std::string_view text) const;
    /// With --output json the document, else what `text` makes of it.
    void show(const Document& document,
              const std::function<std::string(const Document&)>& text) const;

    /// Exit code of a command that did its work; 0 unless it says otherwise.
    void exit_with(int code) { exit_code_ = code; }
    [[nodiscard]] int exit_code() const { return exit_code_; }

private:
    GlobalOptions options_;
    std::unique_ptr<HubClient> hub_;
    int exit_code_ = 0;
};

/// Columns of text, padded to their widest cell; the first row is the heading.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);
/// "1.2 MB"
[[nodiscard]] std::string format_bytes(std::int64_t bytes);
/// "340 ms", "12.5 s", "3 min"
[[nodiscard]] std::string format_duration_ms(std::int64_t ms);
/// Splits "key=value" pairs into an object; `what` names the option in errors.
[[nodiscard]] Result<ObjectBuilder> parse_labels(const std::vector<std::string>& labels,
                                                 std::string_view what);

}  // namespace strandline::cli
