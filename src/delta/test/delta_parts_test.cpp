#include "delta/test/delta_parts.h"

#include <fmt/core.h>
#include <vector>

#include "delta/coder/coders.h"
#include "delta/coder/planes_coder.h"
#include "delta/format/header.h"
#include "delta/format/record.h"
#include "delta/format/script.h"
#include "delta/format/short_prologue.h"
#include "delta/format/varint.h"
#include "delta/info.h"

namespace strandline::delta {
namespace {

using Parts = std::set<std::string>;

// Fields that are not looked at.
void skip_bytes(FieldReader& in, std::uint64_t count) { static_cast<void>(in.take(count)); }
void skip_varint(FieldReader& in) { static_cast<void>(in.varint()); }

// Streams of section 4.2, of `size` bytes.
void add_stream(Parts& parts, FieldReader& in, std::uint64_t size) {
    if (size == 0) return;
    const unsigned form = in.byte();
    parts.insert(fmt::format("stream {}", form));
    skip_bytes(in, form == 0 ? size : form == 1 ? in.varint() : 1);
}

void add_planes(Parts& parts, const CodedRecord& record, bool sparse) {
    FieldReader in(record.payload);
    const auto mode = read_mode(in);
    parts.insert(fmt::format("{} words of {} transform {}", sparse ? "sparse" : "planes",
                             1u << mode->word_log, static_cast<unsigned>(mode->transform)));
    const auto layout = layout_of(static_cast<std::size_t>(record.length), *mode);
    if (layout.skip > 0) parts.insert("planes with a loose start");
    std::uint64_t words = layout.words >> mode->word_log;
    if (sparse) {
        words = in.varint();
        add_stream(parts, in, in.varint());
    }
    for (unsigned plane = 0; plane < 1u << mode->word_log; ++plane) add_stream(parts, in, words);
}

void add_prediction(Parts& parts, FieldReader& in, unsigned type) {
    const unsigned predictor = in.byte();
    parts.insert(fmt::format("predictor {} type {}", predictor, type));
    skip_varint(in);
    skip_varint(in);
    if (predictor == 2)
        parts.insert((in.byte() & 0x80) != 0 ? "right factors" : "right factors of before");
    if (predictor == 4) parts.insert(fmt::format("folded {}", in.byte()));
}

void add_numbers(Parts& parts, const CodedRecord& record) {
    FieldReader in(record.payload);
    const unsigned what = in.byte();
    const unsigned how = in.byte();
    const unsigned type = what & 15;
    const unsigned skip = how >> 4;
    const auto width = element_size(static_cast<ElementType>(type));
    const std::uint64_t count = (record.length - skip) / width;
    skip_bytes(in, skip + (record.length - skip) % width);
    std::string memory;
    if ((how & 8) != 0) {
        memory = (in.varint() & 1) != 0 ? " by rows" : " by columns";
        skip_varint(in);
    }
    parts.insert(fmt::format("numbers type {} method {}{}", type, how & 7, memory));
    parts.insert(fmt::format("model {}", what >> 4 & 3));
    if ((what & 0x40) != 0) parts.insert("fresh model");
    if ((how & 7) == 4 && (what & 0x80) == 0) parts.insert("exact without a prediction");
    if (skip > 0) parts.insert("numbers with loose bytes");
    if (record.windows.empty()) parts.insert("numbers without old ones");
    parts.insert(count >= 512 ? "eight states" : "one state");
    if ((what & 0x80) != 0) add_prediction(parts, in, type);
}

void add_coded(Parts& parts, ByteSpan body) {
    const auto record = parse_coded(body, 0);
    parts.insert(fmt::format("coder {}", record->coder));
    if (record->view) {
        parts.insert(fmt::format("view {} {}", static_cast<unsigned>(record->view->from),
                                 static_cast<unsigned>(record->view->to)));
    }
    parts.insert(fmt::format("windows {}", std::min<std::size_t>(record->windows.size(), 2)));
    const auto coder = static_cast<CoderId>(record->coder);
    if (coder == CoderId::planes || coder == CoderId::sparse)
        add_planes(parts, *record, coder == CoderId::sparse);
    if (coder == CoderId::numbers) add_numbers(parts, *record);
    if (coder == CoderId::lzma)
        parts.insert(fmt::format("LZMA {}", static_cast<unsigned>(record->payload[0])));
    if (coder == CoderId::mixed)
        parts.insert(record->windows.empty() ? "mixed alone" : "mixed with old bytes");
}

void add_script(Parts& parts, ByteSpan body) {
    const auto script = parse_script(body);
    parts.insert(fmt::format("script {}{}{}", static_cast<unsigned>(script->control_form),
                             static_cast<unsigned>(script->literal_form),
                             static_cast<unsigned>(script->reference)));
}

}  // namespace

Parts parts_of(ByteSpan patch) {
    const auto info = parse_header(patch);
    if (info->body == BodyKind::frame) return {"frame"};
    Parts parts{info->short_prologue_bytes != 0 ? "short prologue" : "long prologue"};
    if (info->segments() > 1) parts.insert("segments");
    if ((info->features & feature_in_place) != 0)
        parts.insert((info->features & feature_downwards) != 0 ? "in place downwards" : "in place");
    // Segments follow one another, and so do records.
    FieldReader in(patch.subspan(static_cast<std::size_t>(info->prologue_bytes())));
    while (in.left() > 0 && in.ok()) {
        const auto kind = in.byte();
        const auto body = in.take(in.varint());
        parts.insert(fmt::format("record {}", kind));
        if (static_cast<RecordKind>(kind) == RecordKind::coded) add_coded(parts, body);
        if (static_cast<RecordKind>(kind) == RecordKind::script) add_script(parts, body);
    }
    return parts;
}

Parts all_parts() {
    Parts parts{"frame",
                "long prologue",
                "short prologue",
                "segments",
                "planes with a loose start",
                "numbers with loose bytes",
                "numbers without old ones",
                "one state",
                "eight states",
                "fresh model",
                "right factors",
                "right factors of before",
                "mixed alone",
                "mixed with old bytes"};
    const auto add = [&](std::string_view text, std::initializer_list<unsigned> numbers) {
        for (const unsigned i : numbers) parts.insert(fmt::format("{} {}", text, i));
    };
    add("record", {1, 2, 3, 4, 5});
    add("coder", {1, 2, 3, 4, 5, 6});
    add("windows", {0, 1, 2});
    add("stream", {0, 1, 2});
    add("model", {0, 1, 2, 3});
    add("folded", {0, 1, 2, 3, 6, 7});
    add("LZMA", {93, 108, 184, 10, 81});
    for (const unsigned word : {1u, 2u, 4u, 8u}) {
        add(fmt::format("planes words of {} transform", word), {0, 1, 2});
        add(fmt::format("sparse words of {} transform", word), {1, 2});
    }
    for (unsigned forms = 0; forms < 4; ++forms) {
        for (unsigned reference = 0; reference < 3; ++reference)
            parts.insert(fmt::format("script {}{}{}", forms / 2, forms % 2, reference));
    }
    for (unsigned type = 0; type < 9; ++type) {
        const auto methods = fmt::format("numbers type {} method", type);
        if (type < 4) add(methods, {0, 2});
        add(methods, {1, 3});
        if (type < 1 || type > 3) continue;
        add(methods, {4});
        for (unsigned method = 0; method < 3; ++method) {
            for (const auto* memory : {"columns", "rows"})
                parts.insert(fmt::format("{} {} by {}", methods, method, memory));
        }
        for (const unsigned predictor : {1u, 2u, 5u})
            parts.insert(fmt::format("predictor {} type {}", predictor, type));
    }
    for (unsigned type = 0; type < 9; ++type) parts.insert(fmt::format("view {} {}", type, type));
    for (unsigned from = 1; from < 4; ++from) add(fmt::format("view {}", from), {1, 2, 3, 7, 8});
    parts.insert({"in place", "in place downwards", "exact without a prediction"});
    parts.insert({"predictor 3 type 7", "predictor 4 type 1"});
    return parts;
}

}  // namespace strandline::delta
