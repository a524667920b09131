#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>

#include "delta/coders.h"
#include "delta/files.h"
#include "delta/record.h"
#include "delta/test_support.h"
#include "delta/varint.h"

namespace strandline::delta {
namespace {

namespace fs = std::filesystem;

// Files of delta/golden are what released programs wrote: today's reader must read them for ever.
// STRANDLINE_WRITE_GOLDEN=1 writes those that are missing.
fs::path golden_folder() { return fs::path(STRANDLINE_SOURCE_DIR) / "src/delta/golden"; }

Bytes load(const fs::path& path) {
    auto in = FileReader::open(path);
    if (!in) return {};
    Bytes bytes(static_cast<std::size_t>(in->size()));
    EXPECT_TRUE(in->read_at(0, bytes));
    return bytes;
}

void store(const fs::path& path, ByteSpan bytes) {
    auto out = FileWriter::open(path);
    ASSERT_TRUE(out && out->write(bytes));
}

FilePair segments_pair() { return small_mixed_pair(); }

// Reaches the sparse coder, which the small mixed pair has no room for.
FilePair sparse_pair() {
    const Bytes weights = float_weights(2500, 21);
    Bytes next = weights;
    for (std::size_t at = 2; at < next.size(); at += 388) next[at] ^= std::byte{0x2d};
    return {"sparse", weights, next};
}

struct Golden {
    const char* name;
    FilePair pair;
    Result<Bytes> patch;
};

std::vector<Golden> goldens() {
    std::vector<Golden> all;
    const auto mixed = segments_pair();
    const auto sparse = sparse_pair();
    const FilePair frame{"frame", {}, metadata_text(30, "1")};
    all.push_back({"mixed", mixed, encode(mixed.old_file, mixed.new_file)});
    all.push_back({"sparse", sparse, encode(sparse.old_file, sparse.new_file)});
    all.push_back({"frame", frame, encode_as_frame(frame.old_file, frame.new_file)});
    return all;
}

TEST(Golden, EarlierDeltasAreStillRead) {
    for (const auto& golden : goldens()) {
        const auto base = golden_folder() / golden.name;
        const auto old_path = fs::path(base).concat(".old");
        const auto new_path = fs::path(base).concat(".new");
        const auto delta_path = fs::path(base).concat(".sld");
        if (std::getenv("STRANDLINE_WRITE_GOLDEN") != nullptr && !fs::exists(delta_path)) {
            ASSERT_TRUE(golden.patch);
            store(old_path, golden.pair.old_file);
            store(new_path, golden.pair.new_file);
            store(delta_path, *golden.patch);
        }
        const Bytes patch = load(delta_path);
        ASSERT_FALSE(patch.empty()) << delta_path;
        const auto back = decode(load(old_path), patch);
        ASSERT_TRUE(back) << golden.name << ": " << back.error().message;
        EXPECT_EQ(*back, load(new_path)) << golden.name;
    }
}

// Names the records and coders of the one segment of a delta.
std::set<std::string> parts_of(ByteSpan patch) {
    const auto info = parse_header(patch);
    std::set<std::string> parts;
    FieldReader in(patch.subspan(static_cast<std::size_t>(info->prologue_bytes())));
    while (in.left() > 0 && in.ok()) {
        const auto kind = in.byte();
        const auto body = in.take(in.varint());
        parts.insert("record " + std::to_string(kind));
        if (static_cast<RecordKind>(kind) == RecordKind::coded) {
            parts.insert("coder " + std::to_string(parse_coded(body, 0)->coder));
        }
    }
    return parts;
}

TEST(Golden, TheyHoldEveryRecordAndCoder) {
    auto parts = parts_of(load(golden_folder() / "mixed.sld"));
    parts.merge(parts_of(load(golden_folder() / "sparse.sld")));
    EXPECT_EQ(parts, (std::set<std::string>{"record 1", "record 2", "record 3", "record 4",
                                            "coder 1", "coder 2", "coder 3"}));
}

}  // namespace
}  // namespace strandline::delta
