#include "base/result.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <memory>
#include <set>

namespace strandline {
namespace {

Result<int> half(int value) {
    if (value % 2 != 0) return fail(Errc::invalid, "odd");
    return value / 2;
}

Result<int> quarter(int value) {
    TRY(const int once, half(value));
    TRY(const int twice, half(once));
    return twice;
}

Status check_even(int value) {
    TRY(half(value));
    return {};
}

Result<std::unique_ptr<int>> boxed(int value) {
    TRY(auto number, quarter(value));
    return std::make_unique<int>(number);
}

TEST(Result, TryPassesValuesAndErrorsUp) {
    EXPECT_EQ(quarter(12).value(), 3);
    EXPECT_EQ(quarter(6).error().message, "odd");
    EXPECT_TRUE(check_even(2).has_value());
    EXPECT_EQ(check_even(3).error().code, Errc::invalid);
}

TEST(Result, CarriesMoveOnlyValues) { EXPECT_EQ(**boxed(8), 2); }

TEST(Result, ContextGoesInFrontOfTheMessage) {
    EXPECT_EQ(context("rollout 42", fail(Errc::timeout, "no answer")).message,
              "rollout 42: no answer");
}

TEST(Errc, CatalogueIsOneToOne) {
    std::set<int> statuses;
    std::set<int> exits;
    for (const auto& entry : errc_catalogue) {
        EXPECT_EQ(info(entry.code).name, entry.name);
        EXPECT_EQ(errc_from_name(entry.name), entry.code);
        EXPECT_EQ(errc_from_http_status(entry.http_status), entry.code);
        statuses.insert(entry.http_status);
        exits.insert(entry.exit_code);
    }
    EXPECT_EQ(statuses.size(), errc_catalogue.size());
    EXPECT_EQ(exits.size(), errc_catalogue.size());
    EXPECT_FALSE(exits.contains(0));
    EXPECT_EQ(errc_from_name("nonsense"), std::nullopt);
}

TEST(Errc, StatusesOutsideTheCatalogueMapToTheNearest) {
    EXPECT_EQ(errc_from_http_status(413), Errc::invalid);
    EXPECT_EQ(errc_from_http_status(502), Errc::unavailable);
    EXPECT_EQ(errc_from_http_status(418), Errc::invalid);
    EXPECT_EQ(errc_from_http_status(599), Errc::internal);
}

TEST(Errc, ErrnoKeepsItsMeaning) {
    EXPECT_EQ(error_from_errno("write x", ENOSPC).code, Errc::exhausted);
    EXPECT_EQ(error_from_errno("open x", ENOENT).code, Errc::not_found);
    EXPECT_EQ(error_from_errno("open x", EROFS).code, Errc::unavailable);
    EXPECT_EQ(error_from_errno("open x", ENOENT).message, "open x: No such file or directory");
}

}  // namespace
}  // namespace strandline
