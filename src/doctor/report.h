#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strandline::doctor {

enum class Verdict { ok, warn, fail };

/// One thing that was looked at.
struct Finding {
    Verdict verdict = Verdict::ok;
    std::string check;   ///< what was looked at, in a word or two
    std::string detail;  ///< what was found
    std::string remedy;  ///< what to do; empty when nothing
};

/// What an examination found, in order. Plain data of one thread.
class Report {
public:
    void ok(std::string_view check, std::string detail);
    /// Works now; will hurt some day.
    void warn(std::string_view check, std::string detail, std::string remedy);
    /// Broken, or unsafe.
    void fault(std::string_view check, std::string detail, std::string remedy);
    /// `detail` when it went well, else a fault with the error's text.
    void judge(std::string_view check, const Status& outcome, std::string detail,
               std::string remedy);

    [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
    /// 0: all good, 1: warnings, 2: faults.
    [[nodiscard]] int exit_code() const;
    /// One line a finding, the remedy below it, and a line that counts.
    [[nodiscard]] std::string text() const;

private:
    std::vector<Finding> findings_;
};

[[nodiscard]] std::string_view to_string(Verdict verdict);
/// {"exit_code", "findings": [{"verdict", "check", "detail", "remedy"}]}
[[nodiscard]] std::string to_json(const Report& report);

/// Prints it in the form asked for; the exit code.
[[nodiscard]] int print(const Report& report, bool json);

}  // namespace strandline::doctor
