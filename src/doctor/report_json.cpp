#include "base/json.h"
#include "doctor/report.h"

namespace strandline::doctor {

std::string to_json(const Report& report) {
    boost::json::array findings;
    for (const auto& finding : report.findings()) {
        findings.push_back(boost::json::object{{"verdict", to_string(finding.verdict)},
                                               {"check", finding.check},
                                               {"detail", finding.detail},
                                               {"remedy", finding.remedy}});
    }
    return write_json(
        boost::json::object{{"exit_code", report.exit_code()}, {"findings", std::move(findings)}});
}

}  // namespace strandline::doctor
