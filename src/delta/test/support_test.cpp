#include <algorithm>
#include <fmt/core.h>

#include "base/random.h"
#include "delta/encode/plain_encoder.h"
#include "delta/format/header.h"
#include "delta/format/short_prologue.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

Bytes edited(Bytes bytes, std::initializer_list<std::size_t> places) {
    for (const auto place : places) bytes[place] ^= std::byte{0x5a};
    return bytes;
}

}  // namespace

Bytes metadata_text(std::size_t lines, std::string_view version) {
    std::string text = fmt::format("model version {}\n", version);
    for (std::size_t line = 0; line < lines; ++line) {
        text += fmt::format("block.{:03d}.attention.weight shape=[512,512] offset={}\n", line,
                            line * 1048576);
    }
    const auto bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

Bytes concatenated(const std::vector<ByteSpan>& parts) {
    Bytes all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

Result<Bytes> encode(ByteSpan old_file, ByteSpan new_file, const EncodeOptions& options) {
    MemoryWriter patch;
    TRY(const auto stats, make_delta(old_file, new_file, patch, options));
    if (stats.patch_size != patch.bytes().size()) return fail(Errc::internal, "patch size differs");
    return patch.take();
}

Bytes with_long_prologue(const FilePair& pair, ByteSpan patch) {
    auto [info, index] =
        *parse_short_prologue(patch.first(parse_header(patch)->short_prologue_bytes));
    const auto body = patch.subspan(info.short_prologue_bytes);
    info.old_sha256 = sha256(pair.old_file);
    info.new_sha256 = sha256(pair.new_file);
    info.short_prologue_bytes = 0;
    info.patch_size = info.prologue_bytes() + body.size();
    return concatenated({write_header(info), index, body});
}

Result<Bytes> encode_as_frame(ByteSpan old_file, ByteSpan new_file) {
    PlainOptions options;
    options.window_log = 17;
    DeltaInfo info;
    info.body = BodyKind::frame;
    info.segment_bytes = 1 << 20;
    info.old_size = old_file.size();
    info.old_sha256 = sha256(old_file);
    info.new_size = new_file.size();
    info.new_sha256 = sha256(new_file);
    info.reference_bytes = 1u << options.window_log;
    MemoryWriter patch;
    TRY(const auto size, write_plain(new_file, patch, header_bytes, options));
    info.patch_size = header_bytes + size;
    info.decoder_memory = static_cast<std::uint32_t>(required_memory(info));
    TRY(patch.write_at(0, write_header(info)));
    return patch.take();
}

Result<Bytes> decode(ByteSpan old_file, ByteSpan patch, std::size_t chunk,
                     const ApplyOptions& options) {
    const MemoryReader old_reader(old_file);
    MemoryWriter output;
    Applier applier(old_reader, output, options);
    for (; !patch.empty(); patch = patch.subspan(std::min(chunk, patch.size()))) {
        TRY(applier.push(patch.first(std::min(chunk, patch.size()))));
    }
    TRY(applier.finish());
    return output.take();
}

std::vector<FilePair> sample_pairs() {
    const Bytes a = random_bytes(50'000, 1);
    const Bytes b = random_bytes(50'000, 2);
    const Bytes weights = float_weights(60'000, 3);
    const Bytes tuned = fine_tuned(weights, 1e-3, 4);
    const Bytes text = metadata_text(400, "1");
    const Bytes new_text = metadata_text(420, "2.0");
    const Bytes zeros(100'000);
    const Bytes one{std::byte{1}};
    return {
        {"both empty", {}, {}},
        {"new is empty", a, {}},
        {"old is empty", {}, a},
        {"one byte", one, {std::byte{2}}},
        {"one equal byte", one, one},
        {"identical", a, a},
        {"random and unrelated", a, b},
        {"a byte inserted at the front", a, concatenated({one, a})},
        {"a byte removed at the front", a, Bytes(a.begin() + 1, a.end())},
        {"truncated", a, Bytes(a.begin(), a.begin() + 20'000)},
        {"appended", a, concatenated({a, b})},
        {"blocks swapped", concatenated({a, b}), concatenated({b, a})},
        {"some bytes edited", a, edited(a, {0, 1, 7000, 7100, 30'000, 49'999})},
        {"all zeros", a, zeros},
        {"zeros around data", a, concatenated({zeros, a, zeros})},
        {"text", text, new_text},
        {"dense fine-tune", weights, tuned},
        {"dense fine-tune at another word phase", concatenated({text, weights}),
         concatenated({new_text, one, tuned})},
        {"weights without old", {}, weights},
        {"a few weights changed", weights, sparsely_changed(weights, 40, 8)},
        {"mixed", concatenated({text, weights, a, zeros}),
         concatenated({new_text, tuned, zeros, a, b})},
    };
}

FilePair small_mixed_pair() {
    const Bytes noise = random_bytes(200, 9);
    const Bytes weights = float_weights(300, 5);
    const Bytes kept = random_bytes(4200, 6);
    const Bytes zeros(5000);
    const Bytes text = metadata_text(6, "1");
    return {
        "small mixed", concatenated({text, kept, weights}),
        concatenated({metadata_text(7, "2"), kept, fine_tuned(weights, 1e-3, 7), zeros, noise})};
}

}  // namespace strandline::delta
