#include "delta/layout/collector.h"

#include <algorithm>
#include <utility>

namespace strandline::delta {
namespace {

/// The longest beginning of at most `limit` bytes that does not cut a UTF-8 character.
std::string_view cut(std::string_view name, std::size_t limit) {
    if (name.size() <= limit) return name;
    while (limit > 0 && (static_cast<unsigned char>(name[limit]) & 0xc0) == 0x80) --limit;
    return name.substr(0, limit);
}

bool fits(const Quantisation& quantisation, const std::vector<std::uint64_t>& shape) {
    const auto count = quantisation.scales.size();
    const auto zeros = quantisation.zero_points.size();
    if (zeros != 0 && zeros != count) return false;
    if (count == 1) return true;
    return quantisation.axis < shape.size() && shape[quantisation.axis] == count;
}

}  // namespace

std::optional<std::uint64_t> element_count(const std::vector<std::uint64_t>& shape) {
    std::uint64_t count = 1;
    for (const auto axis : shape) {
        if (axis != 0 && count > (std::uint64_t{1} << 63) / axis) return std::nullopt;
        count *= axis;
    }
    return count;
}

void Collector::add(Claim claim) {
    if (full()) return;
    const std::uint64_t unit = element_size(claim.type);
    const auto count = element_count(claim.shape);
    if (claim.bytes == 0 && count && *count <= size_ / unit) claim.bytes = *count * unit;
    if (claim.offset > size_ || claim.bytes > size_ - claim.offset) return;
    const std::uint64_t elements = claim.bytes / unit;
    if (count != elements || claim.shape.empty() || claim.shape.size() > max_rank) {
        claim.shape = {elements};
        if (claim.quantisation && claim.quantisation->scales.size() != 1) {
            claim.quantisation.reset();
        }
    }
    claim.bytes = elements * unit;
    if (claim.bytes < min_tensor_bytes) return;
    if (claim.quantisation) {
        const std::uint64_t cost = claim.quantisation->scales.size() * sizeof(float);
        if (!fits(*claim.quantisation, claim.shape) || cost > scales_left_) {
            claim.quantisation.reset();
        } else {
            scales_left_ -= cost;
        }
    }
    tensors_.push_back({std::string(cut(claim.name, max_name_bytes)), claim.type,
                        std::move(claim.shape), claim.offset, claim.bytes,
                        std::move(claim.quantisation)});
}

void Collector::add(Tensor tensor) {
    add(Claim{tensor.name, tensor.type, std::move(tensor.shape), tensor.offset, tensor.bytes,
              std::move(tensor.quantisation)});
}

std::vector<Tensor> Collector::take() {
    std::stable_sort(tensors_.begin(), tensors_.end(), [](const Tensor& a, const Tensor& b) {
        return a.offset != b.offset ? a.offset < b.offset : a.bytes > b.bytes;
    });
    std::uint64_t end = 0;
    std::erase_if(tensors_, [&end](const Tensor& tensor) {
        if (tensor.offset < end) return true;
        end = tensor.offset + tensor.bytes;
        return false;
    });
    return std::exchange(tensors_, {});
}

}  // namespace strandline::delta
