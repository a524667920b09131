#include "delta/layout/unfold.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "delta/layout/containers.h"
#include "delta/layout/reader.h"
#include "delta/layout/zip.h"

namespace strandline::delta {

Status unfold(ByteSpan file, const std::vector<DeflatedMember>& members, Sink& out) {
    std::uint64_t at = 0;
    for (const auto& member : members) {
        const auto packed = slice(file, member.offset, member.packed);
        if (member.offset < at || packed.size() != member.packed) {
            return fail(Errc::corrupt, "deflated members are not those of the file");
        }
        TRY(out.write(slice(file, at, member.offset - at)));
        TRY(inflate_all(packed, member.unpacked, out));
        at = member.offset + member.packed;
    }
    return out.write(slice(file, at, file.size() - at));
}

Layout read_unfolded_layout(ByteSpan file, const std::vector<DeflatedMember>& members,
                            ByteSpan unfolded) {
    auto layout = read_layout(file);
    std::unordered_map<std::uint64_t, std::string_view> names;
    for (const auto& member : read_zip_directory(file)) names.emplace(member.offset, member.name);
    Collector tensors(unfolded.size());
    const auto add = [&tensors](Tensor& tensor, std::uint64_t offset) {
        tensor.offset = offset;
        tensors.add(std::move(tensor));
    };
    // Both lists ascend, so one walk finds how far each tensor moved.
    std::uint64_t grown = 0;
    auto tensor = layout.tensors.begin();
    for (const auto& member : members) {
        for (; tensor != layout.tensors.end() && tensor->offset < member.offset; ++tensor) {
            if (tensor->offset + tensor->bytes <= member.offset)
                add(*tensor, tensor->offset + grown);
        }
        const auto end = member.offset + member.packed;
        while (tensor != layout.tensors.end() && tensor->offset < end) ++tensor;
        const auto inside = slice(unfolded, member.offset + grown, member.unpacked);
        auto found = read_layout(inside);
        for (auto& inner : found.tensors) {
            const std::string name(names[member.offset]);
            inner.name = inner.name.empty() ? name : name + '/' + inner.name;
            add(inner, member.offset + grown + inner.offset);
        }
        grown += member.unpacked - member.packed;
    }
    for (; tensor != layout.tensors.end(); ++tensor) add(*tensor, tensor->offset + grown);
    layout.tensors = tensors.take();
    return layout;
}

Status Folder::write(ByteSpan bytes) {
    while (!bytes.empty()) {
        if (next_ < members_.size() && folded_at_ == members_[next_].offset) {
            TRY(write_member(bytes));
        } else {
            TRY(write_plain(bytes));
        }
    }
    return {};
}

Status Folder::write_plain(ByteSpan& bytes) {
    std::uint64_t count = bytes.size();
    if (next_ < members_.size()) count = std::min(count, members_[next_].offset - folded_at_);
    const auto part = bytes.first(static_cast<std::size_t>(count));
    bytes = bytes.subspan(part.size());
    folded_at_ += part.size();
    return out_.write(part);
}

Status Folder::write_member(ByteSpan& bytes) {
    const auto& member = members_[next_];
    if (!stream_) stream_.emplace(member.parameters);
    const auto count = std::min<std::uint64_t>(bytes.size(), member.unpacked - member_at_);
    const auto part = bytes.first(static_cast<std::size_t>(count));
    TRY(stream_->write(part, out_));
    bytes = bytes.subspan(part.size());
    member_at_ += part.size();
    if (member_at_ < member.unpacked) return {};
    TRY(stream_->finish(out_));
    stream_.reset();
    member_at_ = 0;
    folded_at_ += member.packed;
    ++next_;
    return {};
}

Status Folder::finish() {
    if (next_ < members_.size()) {
        return fail(Errc::corrupt, "the unfolded file ends inside or before a member");
    }
    return {};
}

}  // namespace strandline::delta
