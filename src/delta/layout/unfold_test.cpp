#include "delta/layout/unfold.h"

#include <algorithm>

#include "delta/layout/layout_samples.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

Bytes deflated(ByteSpan bytes, DeflateParameters parameters) {
    MemoryWriter out;
    DeflateStream stream(parameters);
    EXPECT_TRUE(stream.write(bytes, out));
    EXPECT_TRUE(stream.finish(out));
    return out.take();
}

/// As a packer does that never packs: in blocks of up to 65535 bytes.
Bytes stored_blocks(ByteSpan bytes) {
    Bytes out;
    while (!bytes.empty()) {
        const auto part = bytes.first(std::min<std::size_t>(bytes.size(), 65535));
        bytes = bytes.subspan(part.size());
        const auto length = static_cast<std::uint16_t>(part.size());
        out.push_back(bytes.empty() ? std::byte{1} : std::byte{0});
        append_le(out, length);
        append_le(out, static_cast<std::uint16_t>(~length));
        out.insert(out.end(), part.begin(), part.end());
    }
    return out;
}

struct Member {
    std::string name;
    std::uint16_t method = 8;
    Bytes packed;
    std::uint64_t unpacked = 0;
};

/// What local header and directory entry have in common.
void append_fields(Bytes& out, const Member& member) {
    append_le<std::uint16_t>(out, 20);
    append_le<std::uint16_t>(out, 0);
    append_le(out, member.method);
    append_le<std::uint64_t>(out, 0);  // time, CRC: not looked at
    append_le(out, static_cast<std::uint32_t>(member.packed.size()));
    append_le(out, static_cast<std::uint32_t>(member.unpacked));
    append_le(out, static_cast<std::uint16_t>(member.name.size()));
    append_le<std::uint16_t>(out, 0);
}

Bytes zip(const std::vector<Member>& members) {
    Bytes file;
    Bytes directory;
    const auto append_text = [](Bytes& out, std::string_view text) {
        for (const auto byte : as_bytes(text)) out.push_back(byte);
    };
    for (const auto& member : members) {
        append_text(directory, "PK\x01\x02");
        append_le<std::uint16_t>(directory, 20);
        append_fields(directory, member);
        append_le<std::uint64_t>(directory, 0);
        append_le<std::uint16_t>(directory, 0);
        append_le(directory, static_cast<std::uint32_t>(file.size()));
        append_text(directory, member.name);
        append_text(file, "PK\x03\x04");
        append_fields(file, member);
        append_text(file, member.name);
        file.insert(file.end(), member.packed.begin(), member.packed.end());
    }
    const auto begin = static_cast<std::uint32_t>(file.size());
    file.insert(file.end(), directory.begin(), directory.end());
    append_text(file, "PK\x05\x06");
    append_le<std::uint64_t>(file, 0);
    append_le(file, static_cast<std::uint32_t>(directory.size()));
    append_le(file, begin);
    append_le<std::uint16_t>(file, 0);
    return file;
}

Bytes unfolded(ByteSpan file, const std::vector<DeflatedMember>& members) {
    MemoryWriter out;
    EXPECT_TRUE(unfold(file, members, out));
    return out.take();
}

Bytes folded(ByteSpan bytes, const std::vector<DeflatedMember>& members, std::size_t piece) {
    MemoryWriter out;
    Folder folder(members, out);
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
        EXPECT_TRUE(folder.write(bytes.first(std::min(piece, bytes.size()))));
    }
    EXPECT_TRUE(folder.finish());
    return out.take();
}

constexpr std::uint64_t no_limit = std::uint64_t{1} << 32;

TEST(Unfold, FindsTheParametersOfEachMember) {
    const auto weights = float_weights(50000, 1);
    const auto model = sample_file("model.safetensors");
    std::vector<Member> members;
    const std::vector<DeflateParameters> used{{6, 8}, {9, 8}, {1, 8}, {6, 9}};
    for (const auto& parameters : used) {
        members.push_back({"model" + std::to_string(members.size()), 8, deflated(model, parameters),
                           model.size()});
        members.push_back({"weights" + std::to_string(members.size()), 8,
                           deflated(weights, parameters), weights.size()});
    }
    members.push_back({"stored", 0, weights, weights.size()});
    const auto file = zip(members);
    const auto found = find_deflated(file, no_limit);
    ASSERT_EQ(found.size(), 8U);
    const auto plain = unfolded(file, found);
    EXPECT_GT(plain.size(), file.size());
    for (const std::size_t piece : {std::size_t{1000000000}, std::size_t{65536}, std::size_t{7}}) {
        EXPECT_TRUE(std::ranges::equal(folded(plain, found, piece), file));
    }
}

TEST(Unfold, SeesTheTensorsInside) {
    const auto model = sample_file("model.safetensors");
    const auto array = sample_file("fortran.npy");
    const auto file = zip({{"a.npy", 0, array, array.size()},
                           {"weights.bin", 8, deflated(model, {6, 8}), model.size()},
                           {"b.npy", 0, array, array.size()}});
    const auto members = find_deflated(file, no_limit);
    const auto plain = unfolded(file, members);
    const auto layout = read_unfolded_layout(file, members, plain);
    expect_sound(layout, plain.size());
    ASSERT_EQ(layout.tensors.size(), 7U);
    EXPECT_EQ(describe(layout.tensors[0]), "a.npy f32[6,4]");
    EXPECT_EQ(describe(layout.tensors[1]), "weights.bin/linear.weight f32[6,5]");
    EXPECT_EQ(describe(layout.tensors[6]), "b.npy f32[6,4]");
    for (const std::size_t tensor : {0U, 1U, 6U}) {
        EXPECT_EQ(number_at(layout.tensors[tensor], plain, 3), -47);
    }
}

TEST(Unfold, SeesArraysThatNumpyPacked) {
    const auto file = sample_file("packed.npz");
    const auto members = find_deflated(file, no_limit);
    ASSERT_EQ(members.size(), 2U);
    const auto plain = unfolded(file, members);
    const auto layout = read_unfolded_layout(file, members, plain);
    ASSERT_EQ(layout.tensors.size(), 2U);
    EXPECT_EQ(describe(layout.tensors[0]), "w.npy f32[20,30]");
    EXPECT_EQ(describe(layout.tensors[1]), "n.npy i64[40]");
    EXPECT_EQ(number_at(layout.tensors[0], plain, 599), 49);
    EXPECT_TRUE(std::ranges::equal(folded(plain, members, 100), file));
}

TEST(Unfold, LeavesOutWhatDoesNotComeOutTheSame) {
    const Bytes zeros(100000);
    auto damaged = deflated(zeros, {6, 8});
    damaged[damaged.size() / 2] ^= std::byte{0x10};
    const auto good = deflated(zeros, {6, 8});
    const auto file = zip({{"other packer", 8, stored_blocks(zeros), zeros.size()},
                           {"damaged", 8, damaged, zeros.size()},
                           {"longer than it says", 8, good, zeros.size() - 1},
                           {"shorter than it says", 8, good, zeros.size() + 1},
                           {"good", 8, good, zeros.size()}});
    const auto found = find_deflated(file, no_limit);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].unpacked, zeros.size());
    EXPECT_TRUE(std::ranges::equal(folded(unfolded(file, found), found, 4096), file));
}

TEST(Unfold, KeepsToItsLimit) {
    const Bytes zeros(100000);
    const auto packed = deflated(zeros, {6, 8});
    const auto file = zip({{"a", 8, packed, zeros.size()}, {"b", 8, packed, zeros.size()}});
    EXPECT_EQ(find_deflated(file, 199999).size(), 1U);
    EXPECT_TRUE(find_deflated(file, 99999).empty());
}

TEST(Unfold, RefusesAnotherFilesMembers) {
    const Bytes zeros(100000);
    const auto file = zip({{"a", 8, deflated(zeros, {6, 8}), zeros.size()}});
    auto members = find_deflated(file, no_limit);
    ASSERT_EQ(members.size(), 1U);
    MemoryWriter out;
    EXPECT_EQ(unfold(ByteSpan(file).first(50), members, out).error().code, Errc::corrupt);
    members[0].offset += 3;
    EXPECT_EQ(unfold(file, members, out).error().code, Errc::corrupt);
    Folder folder(members, out);
    EXPECT_TRUE(folder.write(Bytes(100)));
    EXPECT_EQ(folder.finish().error().code, Errc::corrupt);
}

TEST(Unfold, FindsNothingInOtherFiles) {
    for (const auto& name : sample_names()) {
        EXPECT_TRUE(find_deflated(sample_file(name), no_limit).empty()) << name;
    }
    EXPECT_TRUE(find_deflated({}, no_limit).empty());
}

}  // namespace
}  // namespace strandline::delta
