// Every seed of every fuzz target, as it is and changed a little. What a fuzzer once found stays
// found here, in each run of the tests and with whichever compiler builds them.
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>
#include <string>
#include <vector>

// fuzz_targets.inc is made by CMake: one FUZZ_TARGET(name) for each name_fuzz.cpp, which was
// compiled with its entry renamed to name_fuzz.
#define FUZZ_TARGET(name) extern "C" int name##_fuzz(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef FUZZ_TARGET

namespace strandline {
namespace {

using Input = std::vector<std::uint8_t>;

struct Target {
    const char* name;
    int (*run)(const std::uint8_t* data, std::size_t size);
};

#define FUZZ_TARGET(name) Target{#name, name##_fuzz},
constexpr auto targets = std::to_array<Target>({
#include "fuzz_targets.inc"
});
#undef FUZZ_TARGET

std::vector<Input> seeds_of(const std::string& target) {
    std::vector<Input> out;
    const std::filesystem::path folder =
        std::filesystem::path(STRANDLINE_SOURCE_DIR) / "fuzz/seeds" / target;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        out.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return out;
}

// A bit turned, a byte replaced, bytes lost or said twice: the first steps of any fuzzer.
Input changed(Input input, std::mt19937& random) {
    if (input.empty()) return input;
    const auto at = input.begin() + static_cast<std::ptrdiff_t>(random() % input.size());
    switch (random() % 4) {
        case 0:
            *at ^= static_cast<std::uint8_t>(1U << (random() % 8));
            break;
        case 1:
            *at = static_cast<std::uint8_t>(random());
            break;
        case 2:
            input.erase(at, input.end());
            break;
        default: {
            const Input rest(at, input.end());
            input.insert(input.end(), rest.begin(), rest.end());
        }
    }
    return input;
}

class FuzzTarget : public ::testing::TestWithParam<Target> {};

TEST_P(FuzzTarget, HoldsOnItsSeeds) {
    constexpr int copies = 40;
    const auto& target = GetParam();
    const auto seeds = seeds_of(target.name);
    ASSERT_FALSE(seeds.empty()) << "put an example into fuzz/seeds/" << target.name;
    std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same inputs in every run
    EXPECT_EQ(target.run(nullptr, 0), 0);
    for (const auto& seed : seeds) {
        EXPECT_EQ(target.run(seed.data(), seed.size()), 0);
        for (int copy = 0; copy < copies; ++copy) {
            const auto input = changed(seed, random);
            EXPECT_EQ(target.run(input.data(), input.size()), 0);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, FuzzTarget, ::testing::ValuesIn(targets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace strandline
