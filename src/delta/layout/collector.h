#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "delta/layout/tensor.h"

namespace strandline::delta {

/// Of one file; further tensors are left to the byte coder.
inline constexpr std::size_t max_tensors = 1 << 16;
/// Axes of a tensor; one of more is kept as a row of numbers.
inline constexpr std::size_t max_rank = 8;
inline constexpr std::size_t max_name_bytes = 200;
/// Describing a tensor costs more than knowing a smaller one can win.
inline constexpr std::uint64_t min_tensor_bytes = 16;

/// Gathers the tensors that a parser says are there, and believes only what is inside the file.
class Collector {
public:
    /// What a parser says; `bytes` may be left 0 when the shape gives it.
    struct Claim {
        std::string_view name;
        ElementType type = ElementType::opaque;
        std::vector<std::uint64_t> shape;
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
        std::optional<Quantisation> quantisation;
    };

    explicit Collector(std::uint64_t size) : size_(size), scales_left_(size) {}

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] bool full() const { return tensors_.size() >= max_tensors; }
    [[nodiscard]] std::size_t count() const { return tensors_.size(); }

    /// Drops what lies outside the file. A shape that does not give the number of bytes is replaced
    /// by one axis.
    void add(Claim claim);
    /// The same for a tensor of another collector.
    void add(Tensor tensor);

    /// The tensors by ascending offset; of those that overlap, the one that begins first (of the
    /// longer when both begin there).
    [[nodiscard]] std::vector<Tensor> take();

private:
    std::uint64_t size_;
    std::uint64_t scales_left_;  ///< bytes of quantisation tables that the file could hold
    std::vector<Tensor> tensors_;
};

/// Elements of a shape; nothing when there are more than 2^63.
[[nodiscard]] std::optional<std::uint64_t> element_count(const std::vector<std::uint64_t>& shape);

}  // namespace strandline::delta
