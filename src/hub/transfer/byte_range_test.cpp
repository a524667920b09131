#include "hub/transfer/byte_range.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

struct Case {
    std::optional<std::string_view> range;
    std::uint64_t bytes;
};
class RequestedBytes : public testing::TestWithParam<Case> {};

TEST_P(RequestedBytes, OfAFileOf1000) {
    EXPECT_EQ(requested_bytes(GetParam().range, 1000), GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(Table, RequestedBytes,
                         testing::Values(Case{std::nullopt, 1000}, Case{"bytes=0-", 1000},
                                         Case{"bytes=900-", 100}, Case{"bytes=0-0", 1},
                                         Case{"bytes=10-19", 10}, Case{"bytes=990-5000", 10},
                                         Case{"bytes=-5", 5}, Case{"bytes=-5000", 1000},
                                         Case{"bytes=1000-", 1000}, Case{"bytes=5-1", 1000},
                                         Case{"bytes=0-1,5-6", 1000}, Case{"items=0-1", 1000},
                                         Case{"bytes=", 1000}, Case{"bytes=a-b", 1000}));

}  // namespace
}  // namespace strandline::hub
