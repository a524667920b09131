#include "delta/encode/patch_writer.h"

#include "delta/format/crc32c.h"
#include "delta/format/short_prologue.h"

namespace strandline::delta {
namespace {

// Of more than this the few bytes saved are nothing.
constexpr std::size_t most_kept_bytes = 256u << 10;

}  // namespace

Status PatchWriter::append(ByteSpan segment) {
    if (!spilled_ && kept_.size() + segment.size() > most_kept_bytes) TRY(spill());
    if (spilled_) {
        TRY(patch_->write_at(end_, segment));
    } else {
        kept_.insert(kept_.end(), segment.begin(), segment.end());
    }
    end_ += segment.size();
    return {};
}

Status PatchWriter::spill() {
    spilled_ = true;
    if (!kept_.empty()) TRY(patch_->write_at(prologue_bytes_, kept_));
    kept_ = {};
    return {};
}

Status PatchWriter::finish(DeltaInfo& info, const std::vector<IndexEntry>& index) {
    if (!spilled_) {
        if (auto prologue = write_short_prologue(info, index)) {
            prologue->insert(prologue->end(), kept_.begin(), kept_.end());
            return patch_->write_at(0, *prologue);
        }
        TRY(spill());
    }
    Bytes prologue = write_index(index);
    info.index_crc32c = crc32c(prologue);
    info.decoder_memory = static_cast<std::uint32_t>(required_memory(info));
    const Bytes header = write_header(info);
    prologue.insert(prologue.begin(), header.begin(), header.end());
    return patch_->write_at(0, prologue);
}

}  // namespace strandline::delta
