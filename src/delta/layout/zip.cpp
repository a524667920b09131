#include "delta/layout/zip.h"

#include <algorithm>
#include <optional>

#include "delta/layout/collector.h"
#include "delta/layout/reader.h"

namespace strandline::delta {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t entry_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t end64_signature = 0x06064b50;
constexpr std::uint32_t locator64_signature = 0x07064b50;
constexpr std::uint64_t end_bytes = 22;
constexpr std::uint64_t locator64_bytes = 20;
constexpr std::uint64_t max_comment = 65535;

/// Where the record that ends the archive begins: the last place that looks like one.
std::optional<std::uint64_t> find_end(ByteSpan file) {
    if (file.size() < end_bytes) return std::nullopt;
    const std::uint64_t last = file.size() - end_bytes;
    for (std::uint64_t back = 0; back <= std::min<std::uint64_t>(last, max_comment); ++back) {
        Reader reader(file, last - back);
        if (reader.u32() == end_signature) return last - back;
    }
    return std::nullopt;
}

/// Where the directory begins.
std::uint64_t find_directory(ByteSpan file, std::uint64_t end) {
    if (end >= locator64_bytes) {
        Reader locator(file, end - locator64_bytes);
        if (locator.u32() == locator64_signature) {
            locator.skip(4);
            Reader end64(file, locator.u64());
            if (end64.u32() == end64_signature) {
                end64.skip(44);
                return end64.u64();
            }
        }
    }
    Reader reader(file, end + 16);
    return reader.u32();
}

struct Entry {
    ZipMember member;
    std::uint64_t local_header = 0;
};

/// Fields that did not fit into 32 bits stand in extra field 1, those only, in this order.
void read_zip64(ByteSpan extra, Entry& entry) {
    Reader reader(extra);
    while (reader.ok() && reader.left() >= 4) {
        const auto id = reader.u16();
        Reader field(reader.take(reader.u16()));
        if (id != 1) continue;
        for (auto* value : {&entry.member.unpacked, &entry.member.packed, &entry.local_header}) {
            if (*value == UINT32_MAX) *value = field.u64();
        }
        return;
    }
}

Entry read_entry(Reader& reader) {
    Entry entry;
    if (reader.u32() != entry_signature) reader.fail();
    reader.skip(6);
    entry.member.method = reader.u16();
    reader.skip(4);
    entry.member.crc = reader.u32();
    entry.member.packed = reader.u32();
    entry.member.unpacked = reader.u32();
    const auto name_bytes = reader.u16();
    const auto extra_bytes = reader.u16();
    const auto comment_bytes = reader.u16();
    reader.skip(8);
    entry.local_header = reader.u32();
    entry.member.name = as_text(reader.take(name_bytes));
    read_zip64(reader.take(extra_bytes), entry);
    reader.skip(comment_bytes);
    return entry;
}

}  // namespace

std::vector<ZipMember> read_zip_directory(ByteSpan file) {
    std::vector<ZipMember> members;
    const auto end = find_end(file);
    if (!end) return members;
    Reader directory(file, find_directory(file, *end));
    while (directory.ok() && directory.at() < *end && members.size() < max_tensors) {
        auto entry = read_entry(directory);
        if (!directory.ok()) break;
        Reader local(file, entry.local_header);
        if (local.u32() != local_signature) continue;
        local.skip(22);
        const std::uint64_t name_bytes = local.u16();
        const std::uint64_t extra_bytes = local.u16();
        local.skip(name_bytes + extra_bytes);
        if (!local.ok() || entry.member.packed > local.left()) continue;
        entry.member.offset = local.at();
        members.push_back(entry.member);
    }
    return members;
}

}  // namespace strandline::delta
