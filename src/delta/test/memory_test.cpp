#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <malloc.h>
#include <pthread.h>

#include "delta/files.h"
#include "delta/test/test_random_pair.h"

// Sanitizers bring their own allocator, whose memory is not what a device would need.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRANDLINE_OWN_ALLOCATOR
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STRANDLINE_OWN_ALLOCATOR
#endif
#endif

#if defined(__GLIBC__) && !defined(STRANDLINE_OWN_ALLOCATOR)

namespace {

std::atomic<std::int64_t> in_use{0};
std::atomic<std::int64_t> peak{0};
// Whether there is no memory in large pieces: on other threads than one, or on all.
std::atomic<bool> is_poor{false};
std::atomic<pthread_t> rich{};
constexpr std::size_t small_piece = 400u << 10;

bool is_refused(std::size_t size) {
    return size > small_piece && is_poor.load() && rich.load() != pthread_self();
}

void* counted(void* memory) {
    if (memory == nullptr) return nullptr;
    const auto size = static_cast<std::int64_t>(malloc_usable_size(memory));
    const std::int64_t now = in_use.fetch_add(size) + size;
    if (now > peak.load()) peak.store(now);
    return memory;
}

void forget(void* memory) {
    if (memory != nullptr) in_use.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)));
}

}  // namespace

// Counts what the C library gives out, to this library and to those that it uses.
extern "C" {
void* __libc_malloc(std::size_t size);
void __libc_free(void* memory);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) noexcept {
    return is_refused(size) ? nullptr : counted(__libc_malloc(size));
}
void* calloc(std::size_t count, std::size_t size) noexcept {
    return counted(__libc_calloc(count, size));
}
void* realloc(void* memory, std::size_t size) noexcept {
    forget(memory);
    return counted(__libc_realloc(memory, size));
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    return counted(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return counted(__libc_memalign(alignment, size));
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
    *memory = counted(__libc_memalign(alignment, size));
    return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) noexcept {
    forget(memory);
    __libc_free(memory);
}
}

namespace strandline::delta {
namespace {

class Discard final : public Sink {
public:
    Status write(ByteSpan /*bytes*/) override { return {}; }
};

// Bytes that applying takes at most, beside files and delta.
std::int64_t memory_of(ByteSpan old_file, ByteSpan patch) {
    constexpr std::size_t packet_bytes = 1400;
    const MemoryReader old_reader(old_file);
    Discard output;
    const std::int64_t before = in_use.load();
    peak.store(before);
    {
        Applier applier(old_reader, output);
        while (!patch.empty()) {
            const auto packet = patch.first(std::min(patch.size(), packet_bytes));
            EXPECT_TRUE(applier.push(packet));
            patch = patch.subspan(packet.size());
        }
        EXPECT_TRUE(applier.finish());
    }
    EXPECT_EQ(in_use.load(), before);
    return peak.load() - before;
}

void expect_declared(const FilePair& pair, const EncodeOptions& options) {
    const auto patch = encode(pair.old_file, pair.new_file, options);
    ASSERT_TRUE(patch) << patch.error().message;
    const auto info = parse_header(*patch);
    EXPECT_LE(info->decoder_memory, options.max_decoder_memory);
    EXPECT_LE(memory_of(pair.old_file, *patch), info->decoder_memory) << pair.name;
}

std::vector<FilePair> pairs() {
    auto all = sample_pairs();
    constexpr std::size_t size = 2'500'000;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) all.push_back(random_pair(seed, size));
    all.push_back({"text", {}, metadata_text(40'000, "1")});
    return all;
}

TEST(Memory, IsAtMostWhatADeltaDeclares) {
    for (const auto& pair : pairs()) {
        EncodeOptions options;
        options.level = 1;
        EXPECT_LE(options.max_decoder_memory, 8u << 20);
        expect_declared(pair, options);
    }
}

TEST(Memory, OfTheSmallProfileIsAtMostHalfAMebibyte) {
    for (const auto& pair : pairs()) {
        EncodeOptions options = small_profile();
        options.level = 1;
        EXPECT_LE(options.max_decoder_memory, 512u << 10);
        expect_declared(pair, options);
    }
}

// Whichever thread it is that gets none.
TEST(Memory, OfTheEncoderEndsItsJobAloneWhereThereIsNone) {
    const Bytes old_file = float_weights(700'000, 1);
    const Bytes new_file = fine_tuned(old_file, 1e-3, 2);
    for (const unsigned threads : {1, 3}) {
        EncodeOptions options;
        options.segment_bytes = 1u << 20;
        options.level = 1;
        options.threads = threads;
        MemoryWriter patch;
        rich = threads > 1 ? pthread_self() : pthread_t{};
        is_poor = true;
        const auto made = make_delta(old_file, new_file, patch, options);
        is_poor = false;
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, Errc::exhausted) << made.error().message;
        MemoryWriter again;
        EXPECT_TRUE(make_delta(old_file, new_file, again, options));
    }
}

TEST(Memory, OfAFrameIsAtMostWhatItDeclares) {
    const Bytes text = metadata_text(40'000, "1");
    const auto patch = encode_as_frame({}, text);
    ASSERT_TRUE(patch);
    EXPECT_LE(memory_of({}, *patch), parse_header(*patch)->decoder_memory);
}

}  // namespace
}  // namespace strandline::delta

#endif
