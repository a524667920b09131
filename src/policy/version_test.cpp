#include "policy/version.h"

#include <gtest/gtest.h>

namespace strandline::policy {
namespace {

TEST(Version, OrdersAsTheSpecificationShows) {
    // semver.org 2.0.0, section 11, and a few beyond.
    const std::vector<std::string> ascending{"0.0.1",
                                             "0.9.0",
                                             "1.0.0-0.3.7",
                                             "1.0.0-1",
                                             "1.0.0-2",
                                             "1.0.0-10",
                                             "1.0.0-alpha",
                                             "1.0.0-alpha.1",
                                             "1.0.0-alpha.beta",
                                             "1.0.0-beta",
                                             "1.0.0-beta.2",
                                             "1.0.0-beta.11",
                                             "1.0.0-rc.1",
                                             "1.0.0",
                                             "1.0.1",
                                             "1.2.0",
                                             "1.10.0",
                                             "2.0.0-rc.99999999999999999999998",
                                             "2.0.0-rc.99999999999999999999999",
                                             "2.0.0"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            const auto a = Version::parse(ascending[i]);
            const auto b = Version::parse(ascending[j]);
            ASSERT_TRUE(a && b) << ascending[i] << " " << ascending[j];
            EXPECT_EQ(*a < *b, i < j) << ascending[i] << " " << ascending[j];
            EXPECT_EQ(*a == *b, i == j) << ascending[i] << " " << ascending[j];
        }
    }
}

TEST(Version, BuildMetadataIsKeptAndDoesNotOrder) {
    const auto a = Version::parse("1.0.0+20130313144700");
    const auto b = Version::parse("1.0.0+exp.sha.5114f85");
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, *b);
    EXPECT_EQ(a->text(), "1.0.0+20130313144700");
    EXPECT_EQ(b->text(), "1.0.0+exp.sha.5114f85");
}

TEST(Version, HasOneCanonicalForm) {
    struct Case {
        std::string text;
        std::string canonical;
    };
    for (const auto& c :
         std::vector<Case>{{"01", "1.0.0"},
                           {"1", "1.0.0"},
                           {"1.2", "1.2.0"},
                           {"v1.2.3", "1.2.3"},
                           {"1.02.003", "1.2.3"},
                           {"1.0.0-rc.01", "1.0.0-rc.1"},
                           {"1.0.0-00", "1.0.0-0"},
                           {"1.0.0--x", "1.0.0--x"},
                           {"1.0.0-a+b-c.01", "1.0.0-a+b-c.01"},
                           {"18446744073709551615.0.0", "18446744073709551615.0.0"}}) {
        const auto version = Version::parse(c.text);
        ASSERT_TRUE(version) << c.text;
        EXPECT_EQ(version->text(), c.canonical);
        EXPECT_EQ(Version::parse(c.canonical)->text(), c.canonical);
    }
}

TEST(Version, RefusesWhatIsNoVersion) {
    for (const std::string text :
         {"", "v", "a", "1.", ".1", "1..2", "1.2.3.4", "1.0.0-", "1.0.0+", "1.0.0-a..b",
          "1.0.0-a_b", "-1", "1.0.0+a+b", "1 ", "18446744073709551616.0.0", "latest"}) {
        const auto version = Version::parse(text);
        ASSERT_FALSE(version) << text;
        EXPECT_EQ(version.error().code, Errc::invalid);
    }
    EXPECT_FALSE(Version::parse(std::string(129, '1')));
}

}  // namespace
}  // namespace strandline::policy
