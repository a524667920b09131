#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "delta/coder/lzma_codec.h"
#include "delta/coder/mixed_coder.h"
#include "delta/coder/planes_coder.h"
#include "delta/coder/sparse_coder.h"
#include "delta/coder/zstd_codec.h"
#include "delta/format/script.h"
#include "delta/test/golden_records.h"

namespace strandline::delta {
namespace {

constexpr std::size_t room = 1 << 20;

// Words whose low bytes are noise and whose high bytes are alike or the same: streams of all forms.
Bytes layered_words(std::size_t word, std::size_t size, std::uint64_t seed) {
    SeededRandom random(seed);
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i) {
        const std::size_t place = i % word;
        out[i] = static_cast<std::byte>(place + 1 < word || word == 1 ? random.below(256)
                                        : place == 0                  ? random.below(3)
                                                                      : 7);
        if (word == 8 && place == 6) out[i] = static_cast<std::byte>(random.below(3));
    }
    return out;
}

void add_planes(RecordWriter& out, const OldRange& window, ZstdEncoder& zstd) {
    for (std::uint8_t word_log = 0; word_log < 4; ++word_log) {
        const std::size_t word = std::size_t{1} << word_log;
        const auto old = out.old_bytes(window);
        Bytes next = layered_words(word, old.size(), 90);
        for (std::size_t i = 0; i < next.size(); ++i) {
            if (i % word < word / 2) next[i] ^= old[i];
        }
        Bytes few_changes(old.begin(), old.end());
        for (std::size_t at = 2; at < few_changes.size(); at += 371)
            few_changes[at] ^= static_cast<std::byte>(at | 1);
        Bytes scratch(old.size());
        for (const auto transform :
             {Transform::none, Transform::exclusive, Transform::difference}) {
            const PlaneMode mode{word_log, transform,
                                 static_cast<std::uint8_t>(word > 1 ? word - 1 : 0)};
            const bool alone = transform == Transform::none;
            Bytes payload;
            encode_planes(next, alone ? ByteSpan{} : old, mode, zstd, scratch, payload);
            const std::vector<OldRange> windows(alone ? 0 : 1, window);
            out.coded(CoderId::planes, next, windows, payload);
            if (alone) continue;
            payload.clear();
            if (encode_sparse(few_changes, old, mode, zstd, scratch, payload))
                out.coded(CoderId::sparse, few_changes, windows, payload);
        }
    }
}

void add_texts(RecordWriter& out, const OldRange& window, ZstdEncoder& zstd) {
    const auto old = out.old_bytes(window);
    const Bytes text = metadata_text(12, "3");
    const OldRange half{window.offset, window.length / 2};
    const OldRange rest{window.offset + half.length, window.length - half.length};
    const Bytes turned = concatenated({out.old_bytes(rest), out.old_bytes(half)});
    const std::vector<OldRange> turned_windows{rest, half};
    const auto add = [&](CoderId coder, const std::vector<OldRange>& windows, ByteSpan payload) {
        out.coded(coder, text, windows, payload);
    };
    add(CoderId::lz, {}, zstd.encode(text, {}, 19, room));
    add(CoderId::lz, {window}, zstd.encode(text, old, 19, room));
    add(CoderId::lz, turned_windows, zstd.encode(text, turned, 19, room));
    for (const auto model : {LzmaModel{3, 0, 2}, LzmaModel{0, 2, 2}, LzmaModel{4, 0, 4},
                             LzmaModel{1, 1, 0}, LzmaModel{0, 4, 1}}) {
        add(CoderId::lzma, {}, lzma_encode(text, {}, model, room));
        add(CoderId::lzma, {window}, lzma_encode(text, old, model, room));
        add(CoderId::lzma, turned_windows, lzma_encode(text, turned, model, room));
    }
}

void add_mixed(RecordWriter& out, const OldRange& window) {
    SeededRandom random(91);
    const auto old = out.old_bytes(window);
    const auto mixer = std::make_unique<number::ByteMixer>();
    Bytes next;
    for (const auto byte : old)
        next.push_back(static_cast<std::byte>(static_cast<unsigned>(byte) / 8 + random.below(9)));
    for (const std::uint8_t centre : std::array<std::uint8_t, 3>{0, 20, 128}) {
        for (const bool with_old : {false, true}) {
            number::ByteGrid grid;
            grid.columns = centre == 128 ? 1 : 37;
            grid.centre = centre;
            if (with_old) grid.old = old;
            Bytes payload;
            encode_mixed_block(next, grid, *mixer, payload);
            out.coded(CoderId::mixed, next, std::vector<OldRange>(with_old ? 1 : 0, window),
                      payload);
        }
    }
}

// Literals of a script that resemble what its copies leave out of the old file.
struct ScriptParts {
    Bytes control;
    Bytes literals;
    Bytes gaps;  // reference 1
    Bytes made;  // with what the record in the middle makes
    Bytes record;
    OldCursor cursor;  // at the end
};

Bytes gap_references(const RecordWriter& out, ByteSpan control, std::size_t literals) {
    Bytes all;
    ScriptSteps steps(control, literals, out.new_offset(), 1 << 20, out.cursor());
    for (;;) {
        const auto step = steps.next();
        if (!step) return {};
        for (const auto& range : script_references(*step, {0, out.old_file().size()})) {
            const auto part = out.old_bytes(range);
            all.insert(all.end(), part.begin(), part.end());
        }
        if (step->kind == ScriptStep::Kind::end) break;
    }
    all.resize(std::min<std::size_t>(all.size(), max_references(literals)));
    return all;
}

// Literals and a copy near, one far away, a record, and literals at the end.
ScriptParts script_parts(const RecordWriter& out) {
    ScriptParts parts;
    const Bytes text = metadata_text(8, "4");
    ScriptWriter control;
    OldCursor cursor = out.cursor();
    std::uint64_t at = out.new_offset();
    const auto literals = [&](std::size_t from, std::size_t length) {
        const auto words = ByteSpan(text).subspan(from, length);
        parts.literals.insert(parts.literals.end(), words.begin(), words.end());
        parts.made.insert(parts.made.end(), words.begin(), words.end());
        at += length;
    };
    const auto copy = [&](std::size_t from, std::size_t length, const OldRange& source) {
        literals(from, length);
        control.copy(length, source.length, source.offset, cursor.expected(at));
        cursor.moved(at, source.offset);
        const auto copied = out.old_bytes(source);
        parts.made.insert(parts.made.end(), copied.begin(), copied.end());
        at += source.length;
    };
    copy(0, 40, {100, 300});
    copy(40, 50, {700, 100});
    copy(90, 30, {20, 60});
    literals(120, 35);
    // The script's own offsets know nothing of copies among the records.
    control.records(35, 84);
    append_fill(parts.record, std::byte{9}, 30);
    append_raw(parts.record, ByteSpan(text).first(34));
    parts.made.insert(parts.made.end(), 30, std::byte{9});
    parts.made.insert(parts.made.end(), text.begin(), text.begin() + 34);
    append_copy(parts.record, {3, 20}, cursor.expected(at + 64));
    const auto part = out.old_bytes({3, 20});
    parts.made.insert(parts.made.end(), part.begin(), part.end());
    at += 84;
    copy(0, 0, {900, 50});
    literals(155, 60);
    parts.cursor = cursor;
    parts.control = control.control();
    parts.gaps = gap_references(out, parts.control, parts.literals.size());
    return parts;
}

// Two segments, of which the second one is short. What the first has learned is of no use to it.
void add_segments(RecordWriter& out, const OldRange& window, std::uint64_t second_copy) {
    constexpr std::uint32_t segment = 64 << 10;
    ZstdEncoder zstd;
    for (std::uint64_t i = 0; i < 2; ++i) {
        out.copy({i == 0 ? 20 : second_copy, 200});
        const Bytes text = metadata_text(4, std::to_string(i));
        const OldRange range{window.offset + i * second_copy, window.length};
        out.coded(CoderId::lz, text, {range}, zstd.encode(text, out.old_bytes(range), 19, room));
        if (i > 0) break;
        out.fill(std::byte{8}, segment - out.new_offset());
        out.end_segment();
    }
}

}  // namespace

GoldenPair every_block() {
    const Bytes noise = random_bytes(3001, 92);
    RecordWriter out(concatenated({noise, metadata_text(10, "2"), Bytes(900, std::byte{1})}));
    ZstdEncoder zstd;
    const OldRange binary{0, 3001};
    const OldRange text{3001, out.old_file().size() - 3901};
    out.copy({17, 301});
    out.fill(std::byte{0x2d}, 1000);
    out.raw(ByteSpan(noise).first(33));
    add_planes(out, binary, zstd);
    add_texts(out, text, zstd);
    add_mixed(out, binary);
    return out.finish("every-block", true);
}

GoldenPair every_script() {
    RecordWriter out(concatenated({metadata_text(30, "3"), random_bytes(300, 93)}));
    const LzmaModel model{3, 0, 0};
    for (const auto control : {ScriptForm::raw, ScriptForm::lzma}) {
        for (const auto literal : {ScriptForm::raw, ScriptForm::lzma}) {
            for (const auto reference :
                 {ScriptReference::none, ScriptReference::gaps, ScriptReference::whole}) {
                const auto parts = script_parts(out);
                const ByteSpan old = reference == ScriptReference::none   ? ByteSpan{}
                                     : reference == ScriptReference::gaps ? ByteSpan(parts.gaps)
                                                                          : out.old_file();
                const auto pack = [&](ScriptForm form, ByteSpan bytes, ByteSpan prefix) {
                    return form == ScriptForm::lzma ? lzma_encode(bytes, prefix, model, room)
                                                    : Bytes(bytes.begin(), bytes.end());
                };
                const Bytes packed_control = pack(control, parts.control, {});
                const Bytes packed_literals = pack(literal, parts.literals, old);
                Bytes record;
                append_script(record, {parts.literals.size(), parts.control.size(), control,
                                       literal, reference, packed_control, packed_literals});
                out.script(concatenated({record, parts.record}), parts.made, parts.cursor);
                out.copy({5, 40});  // the next script starts with a shift
            }
        }
    }
    // The last copy reaches the end.
    ScriptWriter rest;
    rest.copy_rest(3, 50, out.expected() + 3);
    Bytes record;
    const Bytes literals = metadata_text(0, "5");
    append_script(record, {3, rest.control().size(), ScriptForm::raw, ScriptForm::raw,
                           ScriptReference::none, rest.control(), ByteSpan(literals).first(3)});
    out.script(record, concatenated({ByteSpan(literals).first(3), out.old_bytes({50, 200})}), {});
    return out.finish("every-script", false);
}

GoldenPair several_segments() {
    constexpr std::uint32_t segment = 64 << 10;
    RecordWriter out(metadata_text(5, "1"), segment);
    add_segments(out, {100, 100}, 0);
    return out.finish("segments", false);
}

GoldenPair in_place_upwards() {
    constexpr std::uint32_t segment = 64 << 10;
    RecordWriter out(
        concatenated({metadata_text(5, "1"), Bytes(segment, std::byte{8}), metadata_text(5, "2")}),
        segment);
    out.add_features(feature_in_place);
    add_segments(out, {100, 100}, segment);
    return out.finish("in-place", false);
}

GoldenPair in_place_downwards() {
    constexpr std::uint32_t segment = 64 << 10;
    RecordWriter out(metadata_text(5, "1"), segment);
    out.add_features(feature_in_place | feature_downwards);
    add_segments(out, {100, 100}, 7);
    return out.finish("in-place-downwards", true);
}

}  // namespace strandline::delta
