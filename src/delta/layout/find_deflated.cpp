#include <algorithm>
#include <array>

#include "delta/layout/reader.h"
#include "delta/layout/unfold.h"
#include "delta/layout/zip.h"

namespace strandline::delta {
namespace {

/// Shorter members win nothing.
constexpr std::uint64_t min_packed = 64;
/// Deflate cannot do better than 1 to 1032.
constexpr std::uint64_t max_ratio = 1032;

/// In the order of how common they are: Python, Java and most tools use 6 and 8.
constexpr std::array candidates{
    DeflateParameters{6, 8}, DeflateParameters{9, 8}, DeflateParameters{1, 8},
    DeflateParameters{5, 8}, DeflateParameters{4, 8}, DeflateParameters{3, 8},
    DeflateParameters{2, 8}, DeflateParameters{7, 8}, DeflateParameters{8, 8},
    DeflateParameters{6, 9}, DeflateParameters{9, 9}, DeflateParameters{1, 9},
};

/// Compares what is written with bytes that are known, and fails at the first that differs.
class Comparer final : public Sink {
public:
    explicit Comparer(ByteSpan wanted) : wanted_(wanted) {}
    Status write(ByteSpan bytes) override {
        if (bytes.size() > wanted_.size() || !same_bytes(bytes, wanted_.first(bytes.size()))) {
            return fail(Errc::conflict, "other bytes");
        }
        wanted_ = wanted_.subspan(bytes.size());
        return {};
    }
    [[nodiscard]] bool done() const { return wanted_.empty(); }

private:
    ByteSpan wanted_;
};

/// Packs what is written and compares the result.
class Repacker final : public Sink {
public:
    Repacker(DeflateParameters parameters, ByteSpan wanted)
        : stream_(parameters), comparer_(wanted) {}
    Status write(ByteSpan bytes) override {
        size_ += bytes.size();
        return stream_.write(bytes, comparer_);
    }
    /// Whether the packed bytes came out the same.
    [[nodiscard]] bool finish() { return stream_.finish(comparer_) && comparer_.done(); }
    [[nodiscard]] std::uint64_t size() const { return size_; }

private:
    DeflateStream stream_;
    Comparer comparer_;
    std::uint64_t size_ = 0;
};

/// The parameters that reproduce the member. Wrong ones fail within the first 100 KB or so, which
/// is how far a try unpacks.
std::optional<DeflateParameters> find_parameters(ByteSpan packed, std::uint64_t unpacked) {
    for (const auto& candidate : candidates) {
        Repacker repacker(candidate, packed);
        const auto tried = inflate_all(packed, unpacked, repacker);
        if (!tried && tried.error().code != Errc::conflict) return std::nullopt;
        if (tried && repacker.size() == unpacked && repacker.finish()) return candidate;
    }
    return std::nullopt;
}

}  // namespace

std::vector<DeflatedMember> find_deflated(ByteSpan file, std::uint64_t max_unpacked) {
    std::vector<DeflatedMember> result;
    if (!starts_with(file, "PK\x03\x04")) return result;
    auto members = read_zip_directory(file);
    std::erase_if(members, [](const ZipMember& member) {
        return member.method != zip_deflated || member.packed < min_packed ||
               member.unpacked == 0 || member.unpacked / max_ratio > member.packed;
    });
    std::ranges::stable_sort(members, {}, &ZipMember::offset);
    std::uint64_t end = 0;
    for (const auto& member : members) {
        if (member.offset < end || member.unpacked > max_unpacked) continue;
        const auto packed = slice(file, member.offset, member.packed);
        const auto parameters = find_parameters(packed, member.unpacked);
        if (!parameters) continue;
        max_unpacked -= member.unpacked;
        result.push_back({member.offset, member.packed, member.unpacked, *parameters});
        end = member.offset + member.packed;
    }
    return result;
}

}  // namespace strandline::delta
