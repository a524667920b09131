#include <algorithm>
#include <unordered_map>
#include <utility>

#include "delta/layout/float_regions.h"
#include "delta/layout/sign_anchors.h"

namespace strandline::delta {
namespace {

bool is_nameless_row(const Tensor& tensor) {
    return tensor.name.empty() && tensor.shape.size() == 1 &&
           (tensor.type == ElementType::f32 || tensor.type == ElementType::f16 ||
            tensor.type == ElementType::bf16 || tensor.type == ElementType::f64);
}

/// The nameless tensors that have no sure relative, neighbours joined.
std::vector<NumberSpan> loose_spans(const Layout& layout, const std::vector<bool>& settled) {
    std::vector<NumberSpan> spans;
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
        const auto& tensor = layout.tensors[i];
        if (settled[i] || !is_nameless_row(tensor)) continue;
        if (!spans.empty() && spans.back().type == tensor.type &&
            spans.back().offset + spans.back().bytes == tensor.offset) {
            spans.back().bytes += tensor.bytes;
        } else {
            spans.push_back({tensor.type, tensor.offset, tensor.bytes});
        }
    }
    return spans;
}

struct Cut {
    std::uint64_t offset;
    std::uint64_t bytes;
};

/// The layout with its loose tensors replaced by the spans, cut where the aligned parts (ascending)
/// begin and end.
Layout cut_anew(const Layout& layout, const std::vector<bool>& settled,
                const std::vector<NumberSpan>& spans, const std::vector<Cut>& parts,
                std::uint64_t file_bytes) {
    Collector tensors(file_bytes);
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
        if (settled[i] || !is_nameless_row(layout.tensors[i]))
            tensors.add(Tensor(layout.tensors[i]));
    }
    auto part = parts.begin();
    for (const auto& span : spans) {
        std::uint64_t at = span.offset;
        const std::uint64_t end = span.offset + span.bytes;
        for (; part != parts.end() && part->offset < end; ++part) {
            add_in_pieces({span.type, at, part->offset - at}, tensors);
            add_in_pieces({span.type, part->offset, part->bytes}, tensors);
            at = part->offset + part->bytes;
        }
        add_in_pieces({span.type, at, end - at}, tensors);
    }
    return {layout.container, tensors.take()};
}

class FileMatcher {
public:
    FileMatcher(ByteSpan old_file, ByteSpan new_file, WorkMeter& meter)
        : old_file_(old_file), new_file_(new_file), meter_(meter) {
        result_.old_layout = read_layout(old_file, meter);
        result_.new_layout = read_layout(new_file, meter);
        match();
    }

    FileMatch take() { return std::move(result_); }

    void align() {
        auto& [old_layout, new_layout, matches] = result_;
        std::vector<bool> old_settled(old_layout.tensors.size());
        std::vector<bool> new_settled(new_layout.tensors.size());
        for (const auto& found : matches) {
            if (found.relation < Relation::related) continue;
            new_settled[found.new_tensor] = true;
            old_settled[*found.old_tensor] = true;
        }
        const auto old_spans = loose_spans(old_layout, old_settled);
        const auto new_spans = loose_spans(new_layout, new_settled);
        if (old_spans.empty() || new_spans.empty()) return;
        const auto aligned = align_by_signs(old_file_, old_spans, new_file_, new_spans, meter_);
        if (aligned.empty()) return;
        old_layout = cut_anew(old_layout, old_settled, old_spans,
                              parts(aligned, &AlignedSpan::old_offset), old_file_.size());
        new_layout = cut_anew(new_layout, new_settled, new_spans,
                              parts(aligned, &AlignedSpan::new_offset), new_file_.size());
        match();
        settle(aligned);
    }

private:
    void match() {
        result_.matches =
            match_tensors(result_.old_layout, old_file_, result_.new_layout, new_file_, meter_);
    }

    static std::vector<Cut> parts(const std::vector<AlignedSpan>& aligned,
                                  std::uint64_t AlignedSpan::*offset) {
        std::vector<Cut> result;
        result.reserve(aligned.size());
        for (const auto& span : aligned) result.push_back({span.*offset, span.bytes});
        std::ranges::sort(result, {}, &Cut::offset);
        return result;
    }

    /// Pieces of aligned spans go together, whatever a sample of their signs says.
    void settle(const std::vector<AlignedSpan>& aligned) {
        std::unordered_map<std::uint64_t, std::size_t> old_at;
        std::unordered_map<std::uint64_t, std::size_t> new_at;
        const auto& old_tensors = result_.old_layout.tensors;
        const auto& new_tensors = result_.new_layout.tensors;
        for (std::size_t i = 0; i < old_tensors.size(); ++i) old_at[old_tensors[i].offset] = i;
        for (std::size_t i = 0; i < new_tensors.size(); ++i) new_at[new_tensors[i].offset] = i;
        for (const auto& span : aligned) {
            for (std::uint64_t at = 0; at < span.bytes; at += region_piece_bytes) {
                const auto before = old_at.find(span.old_offset + at);
                const auto after = new_at.find(span.new_offset + at);
                if (before == old_at.end() || after == new_at.end()) continue;
                auto& found = result_.matches[after->second];
                if (found.relation == Relation::equal ||
                    old_tensors[before->second].bytes != new_tensors[after->second].bytes) {
                    continue;
                }
                found = {after->second, before->second, {}, Relation::related, std::nullopt};
            }
        }
    }

    ByteSpan old_file_;
    ByteSpan new_file_;
    WorkMeter& meter_;
    FileMatch result_;
};

}  // namespace

FileMatch match_files(ByteSpan old_file, ByteSpan new_file) {
    WorkMeter meter;
    return match_files(old_file, new_file, meter);
}

FileMatch match_files(ByteSpan old_file, ByteSpan new_file, WorkMeter& meter) {
    FileMatcher matcher(old_file, new_file, meter);
    matcher.align();
    return matcher.take();
}

}  // namespace strandline::delta
