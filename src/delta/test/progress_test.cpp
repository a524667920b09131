#include <algorithm>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

constexpr std::size_t tensor_bytes = std::size_t{4} << 20;
constexpr std::size_t tensors = 16;

// A model of 64 MiB, most of it frozen: half a tensor of each four was trained on.
FilePair large_pair() {
    std::string header = "{";
    for (std::size_t i = 0; i < tensors; ++i) {
        header +=
            fmt::format(R"({}"t{}":{{"dtype":"F32","shape":[1024,1024],)", i > 0 ? "," : "", i);
        header +=
            fmt::format(R"("data_offsets":[{},{}]}})", i * tensor_bytes, (i + 1) * tensor_bytes);
    }
    header += "}";
    FilePair pair{"large", {}, {}};
    append_le(pair.old_file, std::uint64_t{header.size()});
    pair.old_file = concatenated({pair.old_file, as_bytes(header)});
    const std::size_t data = pair.old_file.size();
    const Bytes weights = float_weights(tensor_bytes / 4, 1);
    for (std::size_t i = 0; i < tensors; ++i) {
        pair.old_file.insert(pair.old_file.end(), weights.begin(), weights.end());
        pair.old_file.back() = static_cast<std::byte>(i);  // no two are the same
    }
    pair.new_file = pair.old_file;
    const Bytes tuned = fine_tuned(weights, 1e-3, 2);
    for (std::size_t i = 0; i < tensors; i += 4) {
        std::copy_n(tuned.begin(), tensor_bytes / 2,
                    pair.new_file.begin() + static_cast<std::ptrdiff_t>(data + i * tensor_bytes));
    }
    return pair;
}

struct Watched {
    std::uint64_t asked = 0;
    std::uint64_t last = 0;
    std::uint64_t longest_step = 0;
};

EncodeOptions watching(Watched& watched, std::uint64_t stop_at, unsigned threads) {
    EncodeOptions options;
    options.threads = threads;
    options.progress = [&](std::uint64_t done, std::uint64_t all) {
        EXPECT_GT(done, watched.last);
        EXPECT_LE(done, all);
        watched.longest_step = std::max(watched.longest_step, done - watched.last);
        watched.last = done;
    };
    options.cancelled = [&watched, stop_at] { return ++watched.asked >= stop_at; };
    return options;
}

TEST(LongEncoding, TellsHowFarItIsAndAsksOnTheWay) {
    const auto pair = large_pair();
    for (const unsigned threads : {1u, 2u}) {
        Watched watched;
        MemoryWriter patch;
        ASSERT_TRUE(make_delta(pair.old_file, pair.new_file, patch,
                               watching(watched, UINT64_MAX, threads)));
        EXPECT_EQ(watched.last, pair.new_file.size());
        if (threads > 1) continue;  // the crew may be faster than its caller looks
        EXPECT_LT(watched.longest_step, pair.new_file.size() / 8);
        // Both files are hashed, tensors compared, segments coded.
        EXPECT_GT(watched.asked, 4 * pair.new_file.size() / (std::uint64_t{4} << 20));
    }
}

TEST(LongEncoding, EndsInEveryPhase) {
    const auto pair = large_pair();
    Watched whole;
    MemoryWriter patch;
    ASSERT_TRUE(make_delta(pair.old_file, pair.new_file, patch, watching(whole, UINT64_MAX, 1)));
    for (const std::uint64_t eighth : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u}) {
        Watched watched;
        const std::uint64_t stop_at = 1 + whole.asked * eighth / 8;
        const auto result =
            make_delta(pair.old_file, pair.new_file, patch, watching(watched, stop_at, 1));
        ASSERT_FALSE(result) << eighth;
        EXPECT_EQ(result.error().code, Errc::cancelled);
        EXPECT_LT(watched.asked, stop_at + 4);
    }
}

}  // namespace
}  // namespace strandline::delta
