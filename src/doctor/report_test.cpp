#include "doctor/report.h"

#include <fstream>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "doctor/machine_checks.h"
#include "doctor/network_checks.h"
#include "trust/authority.h"

namespace strandline::doctor {
namespace {

namespace fs = std::filesystem;

Verdict last(const Report& report) { return report.findings().back().verdict; }

class Examination : public testing::Test {
public:
    ~Examination() override { fs::remove_all(folder_); }

protected:
    Examination() {
        std::string name = (fs::temp_directory_path() / "strandline-doctor-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }

    fs::path file(const std::string& name, mode_t mode) {
        auto path = folder_ / name;
        std::ofstream(path) << "x";
        ::chmod(path.c_str(), mode);
        return path;
    }

    fs::path folder_;
    Report report_;
    FakeClock clock_;
};

TEST_F(Examination, TheWorstFindingIsTheExitCode) {
    EXPECT_EQ(report_.exit_code(), 0);
    report_.ok("a", "fine");
    EXPECT_EQ(report_.exit_code(), 0);
    report_.warn("b", "soon", "do this");
    EXPECT_EQ(report_.exit_code(), 1);
    report_.judge("c", fail(Errc::internal, "broken"), "fine", "do that");
    EXPECT_EQ(report_.exit_code(), 2);
    EXPECT_NE(report_.text().find("-> do that"), std::string::npos);
    EXPECT_NE(report_.text().find("1 ok, 1 warnings, 1 faults"), std::string::npos);
    EXPECT_NE(to_json(report_).find(R"("verdict":"warn","check":"b")"), std::string::npos);
}

TEST_F(Examination, AFolderThatCanBeWrittenIsLeftAsItWas) {
    check_disk(report_, folder_);
    EXPECT_EQ(last(report_), Verdict::ok) << report_.text();
    EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Examination, AMissingFolderIsAFault) {
    check_disk(report_, folder_ / "gone");
    EXPECT_EQ(last(report_), Verdict::fail);
    EXPECT_NE(report_.text().find("gone"), std::string::npos);
}

TEST_F(Examination, SecretsThatOthersCanReadAreNamed) {
    const std::vector good{file("a.pem", 0600), file("b.pem", 0400)};
    check_private(report_, good);
    EXPECT_EQ(last(report_), Verdict::ok);
    const std::vector bad{file("c.pem", 0640)};
    check_private(report_, bad);
    EXPECT_EQ(last(report_), Verdict::fail);
    EXPECT_NE(report_.findings().back().remedy.find("c.pem"), std::string::npos);
}

TEST_F(Examination, OnlyOldFilesAreLeftovers) {
    file("young", 0600);
    clock_.set_wall(system_clock().wall());
    check_leftovers(report_, folder_, std::chrono::hours(24), clock_);
    EXPECT_EQ(last(report_), Verdict::ok);
    clock_.set_wall(system_clock().wall() + std::chrono::hours(25));
    check_leftovers(report_, folder_, std::chrono::hours(24), clock_);
    EXPECT_EQ(last(report_), Verdict::warn);
}

TEST_F(Examination, ClocksMayBeALittleApart) {
    const auto now = clock_.wall();
    check_clock(report_, now, now + std::chrono::seconds(5), "the hub");
    EXPECT_EQ(last(report_), Verdict::ok);
    check_clock(report_, now, now + std::chrono::minutes(5), "the hub");
    EXPECT_EQ(last(report_), Verdict::warn);
    EXPECT_NE(report_.text().find("300 s behind the hub"), std::string::npos);
    check_clock(report_, now, now - std::chrono::hours(5), "the hub");
    EXPECT_EQ(last(report_), Verdict::fail);
}

TEST_F(Examination, OpenFiles) {
    check_open_files(report_, 1);
    EXPECT_EQ(last(report_), Verdict::ok);
    check_open_files(report_, std::uint64_t{1} << 40);
    EXPECT_EQ(last(report_), Verdict::warn);
    EXPECT_NE(report_.findings().back().remedy.find("LimitNOFILE"), std::string::npos);
}

TEST_F(Examination, CertificatesNearTheirEnd) {
    const auto ca = trust::CertificateAuthority::open_or_create(folder_, "CA", clock_);
    ASSERT_TRUE(ca);
    const auto made = (*ca)->issue_client("hub", std::chrono::days(90));
    ASSERT_TRUE(made);
    const auto& pem = made->issued.certificate_pem;
    check_certificate(report_, "certificate", pem, clock_, "renew it");
    EXPECT_EQ(last(report_), Verdict::ok);
    clock_.advance(std::chrono::days(80));
    check_certificate(report_, "certificate", pem, clock_, "renew it");
    EXPECT_EQ(last(report_), Verdict::warn);
    clock_.advance(std::chrono::days(11));
    check_certificate(report_, "certificate", pem, clock_, "renew it");
    EXPECT_EQ(last(report_), Verdict::fail);
    check_certificate(report_, "certificate", "no certificate", clock_, "renew it");
    EXPECT_EQ(last(report_), Verdict::fail);
}

TEST_F(Examination, AHubThatIsNotThereIsAFault) {
    EXPECT_FALSE(check_hub(report_, "https://127.0.0.1:1", {}, clock_));
    EXPECT_EQ(last(report_), Verdict::fail);
    EXPECT_NE(report_.text().find("https://127.0.0.1:1"), std::string::npos);
}

}  // namespace
}  // namespace strandline::doctor
