#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "delta/layout/work_meter.h"

// What model files look like inside. A wrong layout costs ratio, never correctness.
namespace strandline::delta {

/// What one number of a tensor is. All of them little-endian in every container that is known;
/// unsigned numbers of 16 to 64 bits are named by the signed type of their size.
enum class ElementType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, opaque };

/// Bytes of one element; 1 for `opaque`.
[[nodiscard]] constexpr std::size_t element_size(ElementType type) {
    switch (type) {
        case ElementType::f64:
        case ElementType::i64:
            return 8;
        case ElementType::f32:
        case ElementType::i32:
            return 4;
        case ElementType::f16:
        case ElementType::bf16:
        case ElementType::i16:
            return 2;
        case ElementType::i8:
        case ElementType::u8:
        case ElementType::opaque:
            break;
    }
    return 1;
}

/// Scales of an integer tensor: real = scale[c] * (q - zero_point[c]), c being the index along
/// `axis`.
struct Quantisation {
    std::vector<float> scales;              ///< one, or one for each index of the axis
    std::vector<std::int64_t> zero_points;  ///< as many as scales, or none: all of them 0
    std::uint32_t axis = 0;
};

/// A tensor's bytes, one after the other in row-major order of `shape`.
struct Tensor {
    std::string name;  ///< as the file names it, cut at 200 bytes; may be empty
    ElementType type = ElementType::opaque;
    std::vector<std::uint64_t> shape;  ///< outermost first; its product is the number of elements
    std::uint64_t offset = 0;          ///< in the file
    std::uint64_t bytes = 0;
    std::optional<Quantisation> quantisation;
};

/// The tensors of a file, by ascending offset, without overlaps and inside the file.
struct Layout {
    std::string container;  ///< "safetensors", "onnx", ..., or "" when only statistics found them
    std::vector<Tensor> tensors;
};

/// How sure it is that two tensors belong together.
enum class Relation : std::uint8_t {
    none,       ///< no relative was found
    candidate,  ///< same name, or same shape in the same place: worth a trial
    related,    ///< most samples agree: the old tensor helps
    equal,      ///< the same bytes
};

/// Batch normalisation of the old file that is folded into weights and bias of the new one. For
/// each index c of the channels, in fp32, each operation rounded by itself:
///   divide:     scale = gamma / sqrt(variance + epsilon)
///               new bias = (old bias - mean) * scale + beta
///   reciprocal: root = 1 / sqrt(variance + epsilon), scale = gamma * root
///               new bias = ((old bias - mean) * root) * gamma + beta
///   new weight = old weight * scale
struct FoldedNorm {
    enum class Formula : std::uint8_t { divide, reciprocal };
    enum class Part : std::uint8_t { weight, bias };
    Formula formula = Formula::divide;
    Part part = Part::weight;
    float epsilon = 0;
    std::uint32_t axis = 0;  ///< of the weights' channels
    /// Indexes into the old layout: fp32 tensors with one number for each channel.
    std::size_t gamma = 0;
    std::size_t beta = 0;
    std::size_t mean = 0;
    std::size_t variance = 0;
    std::optional<std::size_t> bias;  ///< nothing: 0
};

/// How a tensor of the new file goes back to one of the old file.
struct TensorMatch {
    std::size_t new_tensor = 0;             ///< index into the new layout
    std::optional<std::size_t> old_tensor;  ///< nothing: no relative, to be coded by itself
    /// New axis i is old axis permutation[i]; empty when the elements stand in the same order.
    std::vector<std::uint32_t> permutation;
    Relation relation = Relation::none;
    /// Most weights come out exactly by this; `old_tensor` is the old weight (of a bias: beta).
    std::optional<FoldedNorm> folded;
};

/// Finds the tensors of a file by its container's own tables, else by the statistics of its bytes.
/// Never fails: a file that is not understood, or lies, has fewer tensors or none.
[[nodiscard]] Layout read_layout(ByteSpan file);
/// The same; `meter` is told of long work, and ends it.
[[nodiscard]] Layout read_layout(ByteSpan file, WorkMeter& meter);

/// One entry for each tensor of `new_layout`, in its order. A relative has as many elements as its
/// tensor; its type or its shape may differ, but, unless only axes of length 1 come or go, not
/// both.
[[nodiscard]] std::vector<TensorMatch> match_tensors(const Layout& old_layout, ByteSpan old_file,
                                                     const Layout& new_layout, ByteSpan new_file);
[[nodiscard]] std::vector<TensorMatch> match_tensors(const Layout& old_layout, ByteSpan old_file,
                                                     const Layout& new_layout, ByteSpan new_file,
                                                     WorkMeter& meter);

/// What two files have to do with each other.
struct FileMatch {
    Layout old_layout;
    Layout new_layout;
    std::vector<TensorMatch> matches;  ///< one for each tensor of `new_layout`
};

/// read_layout() of both files and match_tensors(). Weights without names (Darknet, unknown
/// containers) are cut anew, so that what moved inside them has a relative, too.
[[nodiscard]] FileMatch match_files(ByteSpan old_file, ByteSpan new_file);
[[nodiscard]] FileMatch match_files(ByteSpan old_file, ByteSpan new_file, WorkMeter& meter);

}  // namespace strandline::delta
