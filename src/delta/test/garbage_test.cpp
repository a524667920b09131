#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/random.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

// A file of holes in memory, into which few bytes are written.
class SparseFile {
public:
    explicit SparseFile(std::size_t size) : size_(size), file_(std::tmpfile()) {
        const int descriptor = ::fileno(file_);
        if (::ftruncate(descriptor, static_cast<off_t>(size)) != 0) return;
        void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (at != MAP_FAILED) data_ = static_cast<std::byte*>(at);
    }
    ~SparseFile() {
        if (data_ != nullptr) ::munmap(data_, size_);
        std::fclose(file_);
    }
    SparseFile(const SparseFile&) = delete;
    SparseFile& operator=(const SparseFile&) = delete;
    [[nodiscard]] bool good() const { return data_ != nullptr; }
    [[nodiscard]] ByteSpan bytes() const { return {data_, size_}; }
    void put(std::size_t at, ByteSpan bytes) { std::ranges::copy(bytes, data_ + at); }

private:
    std::size_t size_;
    std::FILE* file_;
    std::byte* data_ = nullptr;
};

TEST(Garbage, HolesOfManySegmentsComeBack) {
    constexpr std::size_t size = (std::size_t{24} << 20) + 5;
    SparseFile old_file(size);
    SparseFile new_file(size + 4096);
    ASSERT_TRUE(old_file.good() && new_file.good());
    old_file.put(size / 2, random_bytes(5000, 1));
    new_file.put(size / 3, random_bytes(5000, 1));
    new_file.put(size - 100, random_bytes(50, 2));
    const auto patch = encode(old_file.bytes(), new_file.bytes());
    ASSERT_TRUE(patch);
    EXPECT_LT(patch->size(), 1000u);
    const auto back = decode(old_file.bytes(), *patch);
    ASSERT_TRUE(back);
    EXPECT_TRUE(std::ranges::equal(*back, new_file.bytes()));
}

// Headers that promise tensors which are not there, or are of no sensible size.
TEST(Garbage, HostileModelsComeBack) {
    const auto safetensors = [](std::string_view header) {
        Bytes out;
        append_le(out, std::uint64_t{header.size()});
        return concatenated({out, as_bytes(header), random_bytes(3000, 5)});
    };
    const std::vector<Bytes> files{
        safetensors(R"({"a":{"dtype":"F32","shape":[750],"data_offsets":[0,3000]}})"),
        safetensors(
            R"({"a":{"dtype":"F32","shape":[750],"data_offsets":[0,18446744073709551615]}})"),
        safetensors(R"({"a":{"dtype":"F16","shape":[1,1500],"data_offsets":[0,3000]},)"
                    R"("b":{"dtype":"F32","shape":[9],"data_offsets":[4,40]}})"),
        safetensors(
            R"({"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"),
        concatenated({as_bytes("GGUF\x03"), random_bytes(3000, 6)}),
        concatenated({as_bytes("\x89HDF\r\n\x1a\n"), random_bytes(3000, 7)}),
        concatenated({as_bytes("PK\x03\x04"), random_bytes(3000, 8)}),
        concatenated({as_bytes("\x93NUMPY\x01"), random_bytes(3000, 9)}),
        concatenated({Bytes(4), as_bytes("TFL3"), random_bytes(3000, 10)}),
        concatenated({as_bytes("\x80\x02."), random_bytes(3000, 11)}),
    };
    for (std::size_t a = 0; a < files.size(); ++a) {
        for (std::size_t b = 0; b < files.size(); ++b) {
            const auto patch = encode(files[a], files[b]);
            ASSERT_TRUE(patch) << a << " " << b;
            EXPECT_LT(patch->size(), files[b].size() + 200);
            const auto back = decode(files[a], *patch);
            ASSERT_TRUE(back) << a << " " << b;
            EXPECT_EQ(*back, files[b]) << a << " " << b;
        }
    }
}

}  // namespace
}  // namespace strandline::delta
