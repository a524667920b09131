#include "doctor/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/core.h>

namespace strandline::doctor {

void Report::ok(std::string_view check, std::string detail) {
    findings_.push_back({Verdict::ok, std::string(check), std::move(detail), ""});
}

void Report::warn(std::string_view check, std::string detail, std::string remedy) {
    findings_.push_back({Verdict::warn, std::string(check), std::move(detail), std::move(remedy)});
}

void Report::fault(std::string_view check, std::string detail, std::string remedy) {
    findings_.push_back({Verdict::fail, std::string(check), std::move(detail), std::move(remedy)});
}

void Report::judge(std::string_view check, const Status& outcome, std::string detail,
                   std::string remedy) {
    if (outcome) return ok(check, std::move(detail));
    fault(check, outcome.error().message, std::move(remedy));
}

int Report::exit_code() const {
    Verdict worst = Verdict::ok;
    for (const auto& finding : findings_) worst = std::max(worst, finding.verdict);
    return static_cast<int>(worst);
}

std::string Report::text() const {
    std::string out;
    std::array<std::size_t, 3> counts{};
    for (const auto& finding : findings_) {
        ++counts.at(static_cast<std::size_t>(finding.verdict));
        out += fmt::format("{:<4}  {:<20}  {}\n", to_string(finding.verdict), finding.check,
                           finding.detail);
        if (!finding.remedy.empty()) out += fmt::format("{:>28}{}\n", "-> ", finding.remedy);
    }
    return out + fmt::format("{} ok, {} warnings, {} faults\n", counts[0], counts[1], counts[2]);
}

std::string_view to_string(Verdict verdict) {
    if (verdict == Verdict::ok) return "ok";
    return verdict == Verdict::warn ? "warn" : "fail";
}

int print(const Report& report, bool json) {
    fmt::print("{}", json ? to_json(report) + "\n" : report.text());
    std::fflush(stdout);
    return report.exit_code();
}

}  // namespace strandline::doctor
