#include "delta/encode/script_encoder.h"

#include <algorithm>
#include <array>

#include "delta/encode/lzma_models.h"
#include "delta/info.h"

namespace strandline::delta {
namespace {

// A step takes at most three varints; scripts end well before their control is full.
constexpr std::size_t max_steps = max_control_bytes / 32;
// More is tried while there is little to code.
constexpr std::size_t model_sample_bytes = 24u << 10;
constexpr std::size_t small_bytes = 64u << 10;
constexpr std::size_t tiny_bytes = 8u << 10;
// So much of an old file is looked through for however few literals.
constexpr std::size_t small_whole_bytes = 256u << 10;
constexpr std::array<LzmaModel, 7> models{
    {{3, 0, 0}, {0, 2, 2}, {3, 0, 2}, {0, 0, 0}, {2, 2, 2}, {0, 0, 2}, {1, 0, 0}}};

}  // namespace

ScriptEncoder::ScriptEncoder(ByteSpan old_file, ByteSpan new_file, const ScriptLimits& limits,
                             std::function<bool()> stopped)
    : old_file_(old_file),
      new_file_(new_file),
      at_hand_{0, old_file.size()},
      limits_(limits),
      stopped_(std::move(stopped)) {}

void ScriptEncoder::begin_segment(std::uint64_t begin, std::uint64_t end) {
    pieces_.clear();
    literals_.clear();
    records_.clear();
    out_.clear();
    script_begin_ = at_ = begin;
    end_ = end;
    cursor_ = moving_cursor_ = {};
}

void ScriptEncoder::literals(std::uint64_t length) {
    if (literals_.size() + length > limits_.literal_bytes || pieces_.size() >= max_steps)
        flush(false);
    const auto bytes = new_file_.subspan(at_, length);
    literals_.insert(literals_.end(), bytes.begin(), bytes.end());
    if (!pieces_.empty() && pieces_.back().kind == Piece::Kind::literals) {
        pieces_.back().length += length;
    } else {
        pieces_.push_back({Piece::Kind::literals, at_, length, 0, 0});
    }
    at_ += length;
}

void ScriptEncoder::copy(std::uint64_t length, std::uint64_t old_offset) {
    if (pieces_.size() >= max_steps) flush(false);
    pieces_.push_back({Piece::Kind::copy, at_, length, old_offset, 0});
    moving_cursor_.moved(at_, old_offset);
    at_ += length;
}

void ScriptEncoder::records(std::uint64_t length, ByteSpan bytes) {
    if (pieces_.size() >= max_steps) flush(false);
    if (!pieces_.empty() && pieces_.back().kind == Piece::Kind::records) {
        pieces_.back().length += length;
        pieces_.back().record_bytes += bytes.size();
    } else {
        pieces_.push_back({Piece::Kind::records, at_, length, 0, bytes.size()});
    }
    records_.insert(records_.end(), bytes.begin(), bytes.end());
    at_ += length;
}

void ScriptEncoder::end_segment(Bytes& out) {
    flush(true);
    out.insert(out.end(), out_.begin(), out_.end());
}

void ScriptEncoder::flush(bool is_last) {
    const auto copies = std::ranges::count(pieces_, Piece::Kind::copy, &Piece::kind);
    // A script pays where it saves the heads of several records.
    if (limits_.enabled && (!literals_.empty() || copies > 1)) {
        write_script(is_last);
    } else {
        write_plainly();
    }
    pieces_.clear();
    literals_.clear();
    records_.clear();
    script_begin_ = at_;
    cursor_ = moving_cursor_;
}

void ScriptEncoder::write_plainly() {
    std::size_t used = 0;
    OldCursor cursor = cursor_;
    for (const auto& piece : pieces_) {
        if (piece.kind == Piece::Kind::copy) {
            const auto start = out_.size();
            append_copy(out_, {piece.old_offset, piece.length}, cursor.expected(piece.begin));
            cursor.moved(piece.begin, piece.old_offset);
            note(start);
            continue;
        }
        const auto part = ByteSpan(records_).subspan(used, piece.record_bytes);
        out_.insert(out_.end(), part.begin(), part.end());
        used += part.size();
    }
}

void ScriptEncoder::write_script(bool is_last) {
    const Bytes steps = control(is_last);
    const auto packed_steps = pack(steps, {});
    const auto packed = pack(literals_, gap_references(steps));
    ScriptRecord script;
    script.literal_bytes = literals_.size();
    script.control_bytes = steps.size();
    script.control_form = packed_steps.form;
    script.control = packed_steps.bytes;
    script.literal_form = packed.form;
    script.literals = packed.bytes;
    script.reference = packed.reference;
    const auto start = out_.size();
    append_script(out_, script);
    note(start);
    out_.insert(out_.end(), records_.begin(), records_.end());
    totals_.features |= feature_scripts;
    if (packed.form == ScriptForm::lzma || packed_steps.form == ScriptForm::lzma)
        totals_.features |= feature_lzma;
    // LZMA's dictionary holds the control bytes, too.
    totals_.literal_bytes =
        std::max({totals_.literal_bytes, static_cast<std::uint32_t>(literals_.size()),
                  static_cast<std::uint32_t>(steps.size())});
}

Bytes ScriptEncoder::control(bool is_last) const {
    ScriptWriter writer;
    OldCursor cursor = cursor_;
    std::uint64_t literals = 0;
    for (const auto& piece : pieces_) {
        switch (piece.kind) {
            case Piece::Kind::literals:
                literals = piece.length;
                continue;
            case Piece::Kind::records:
                writer.records(literals, piece.length);
                break;
            case Piece::Kind::copy: {
                const auto expected = cursor.expected(piece.begin);
                if (is_last && piece.begin + piece.length == end_) {
                    writer.copy_rest(literals, piece.old_offset, expected);
                } else {
                    writer.copy(literals, piece.length, piece.old_offset, expected);
                }
                cursor.moved(piece.begin, piece.old_offset);
                break;
            }
        }
        literals = 0;
    }
    return writer.control();
}

Bytes ScriptEncoder::gap_references(ByteSpan control) const {
    Bytes old;
    const std::uint64_t most =
        std::min<std::uint64_t>(limits_.reference_bytes, max_references(literals_.size()));
    ScriptSteps steps(control, literals_.size(), script_begin_, end_, cursor_);
    for (;;) {
        const auto step = steps.next();
        STRANDLINE_ASSERT(step.has_value());
        for (const auto& range : script_references(*step, at_hand_)) {
            const auto size = std::min<std::uint64_t>(range.length, most - old.size());
            const auto part = old_file_.subspan(range.offset, size);
            old.insert(old.end(), part.begin(), part.end());
        }
        if (step->kind == ScriptStep::Kind::end) return old;
    }
}

// The smallest of what seems worth a trial.
ScriptEncoder::Packed ScriptEncoder::pack(ByteSpan bytes, ByteSpan gaps) {
    Packed best;
    best.bytes.assign(bytes.begin(), bytes.end());
    if (bytes.empty()) return best;
    const ByteSpan old = old_file_.subspan(at_hand_.offset, at_hand_.length);
    const bool whole_fits = old.size() > gaps.size() && old.size() <= limits_.reference_bytes &&
                            old.size() <= small_whole_bytes + max_references(bytes.size());
    const ByteSpan whole = bytes.data() == literals_.data() && whole_fits ? old : ByteSpan{};
    const bool tiny = bytes.size() + std::max(gaps.size(), whole.size()) <= tiny_bytes;
    const auto kind = tiny ? ScriptReference::none : likely_reference(bytes, gaps, whole);
    if (kind == ScriptReference::none) try_reference(bytes, ScriptReference::none, {}, best);
    if (kind == ScriptReference::gaps || (tiny && !gaps.empty()))
        try_reference(bytes, ScriptReference::gaps, gaps, best);
    if (kind == ScriptReference::whole || (tiny && !whole.empty()))
        try_reference(bytes, ScriptReference::whole, whole, best);
    return best;
}

// By a quick search, as coding more than once is dear, and a useless reference doubles the time.
ScriptReference ScriptEncoder::likely_reference(ByteSpan bytes, ByteSpan gaps, ByteSpan whole) {
    constexpr int quick_level = 3;
    constexpr std::size_t least_gain = 256;  // one part in so many
    ScriptReference best = ScriptReference::none;
    if (gaps.empty() && whole.empty()) return best;
    std::size_t smallest = zstd_.encode(bytes, {}, quick_level, SIZE_MAX).size();
    smallest -= smallest / least_gain;
    const auto look = [&](ScriptReference kind, ByteSpan reference) {
        if (reference.empty()) return;
        const auto size = zstd_.encode(bytes, reference, quick_level, SIZE_MAX).size();
        if (size < smallest) {
            smallest = size;
            best = kind;
        }
    };
    look(ScriptReference::gaps, gaps);
    look(ScriptReference::whole, whole);
    return best;
}

void ScriptEncoder::try_reference(ByteSpan bytes, ScriptReference kind, ByteSpan reference,
                                  Packed& best) {
    const auto take = [&](ScriptForm form, Bytes packed) {
        totals_.reference_bytes =
            std::max(totals_.reference_bytes, static_cast<std::uint32_t>(reference.size()));
        best = {form, kind, std::move(packed)};
    };
    // Few bytes are simply tried with every model.
    if (bytes.size() + reference.size() <= tiny_bytes) {
        for (const auto& model : models) {
            auto packed = lzma_encode(bytes, reference, model, best.bytes.size() - 1);
            if (!packed.empty()) take(ScriptForm::lzma, std::move(packed));
        }
        return;
    }
    const auto model = guess_lzma(bytes, model_sample_bytes).model;
    const auto effort =
        bytes.size() + reference.size() <= small_bytes ? LzmaEffort::most : LzmaEffort::some;
    auto packed = lzma_encode(bytes, reference, model, best.bytes.size() - 1, effort, stopped_);
    if (!packed.empty()) take(ScriptForm::lzma, std::move(packed));
}

void ScriptEncoder::note(std::size_t start) {
    totals_.record_bytes =
        std::max(totals_.record_bytes, static_cast<std::uint32_t>(out_.size() - start));
}

}  // namespace strandline::delta
