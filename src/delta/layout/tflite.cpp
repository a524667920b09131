#include <array>
#include <string>

#include "delta/layout/containers.h"
#include "delta/layout/flatbuffer.h"

// https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
namespace strandline::delta {
namespace {

// Positions of fields in their tables.
constexpr unsigned model_subgraphs = 2;
constexpr unsigned model_buffers = 4;
constexpr unsigned subgraph_tensors = 0;
constexpr unsigned tensor_shape = 0;
constexpr unsigned tensor_type = 1;
constexpr unsigned tensor_buffer = 2;
constexpr unsigned tensor_name = 3;
constexpr unsigned tensor_quantisation = 4;
constexpr unsigned quantisation_min = 0;
constexpr unsigned quantisation_max = 1;
constexpr unsigned quantisation_scale = 2;
constexpr unsigned quantisation_zero_point = 3;
constexpr unsigned quantisation_axis = 6;
constexpr unsigned buffer_data = 0;
constexpr unsigned buffer_offset = 1;
constexpr unsigned buffer_size = 2;

ElementType element_type(std::uint8_t type) {
    switch (type) {
        case 0:
            return ElementType::f32;
        case 1:
            return ElementType::f16;
        case 2:  // int32
        case 15:
            return ElementType::i32;
        case 3:  // uint8
        case 6:  // bool
            return ElementType::u8;
        case 4:  // int64
        case 12:
            return ElementType::i64;
        case 7:  // int16
        case 16:
            return ElementType::i16;
        case 9:
            return ElementType::i8;
        case 10:
            return ElementType::f64;
        case 18:
            return ElementType::bf16;
        default:
            return ElementType::opaque;  // text, complex, 4 bits
    }
}

struct Table {
    unsigned field;
    std::string_view suffix;
    ElementType type;
};
constexpr std::array quantisation_tables{
    Table{quantisation_min, "/min", ElementType::f32},
    Table{quantisation_max, "/max", ElementType::f32},
    Table{quantisation_scale, "/scale", ElementType::f32},
    Table{quantisation_zero_point, "/zero_point", ElementType::i64},
};

class TfliteReader {
public:
    TfliteReader(ByteSpan file, Collector& tensors)
        : file_(file),
          tensors_(tensors),
          model_(FlatTable::root(file)),
          buffers_(model_.vector(model_buffers, 4)),
          used_(buffers_.size() / 4),
          scale_bytes_left_(file.size()) {}

    void read() {
        const auto subgraphs = model_.vector(model_subgraphs, 4);
        for (std::uint64_t i = 0; i < subgraphs.size() / 4; ++i) {
            const auto graph = model_.entry(subgraphs, i);
            const auto list = graph.vector(subgraph_tensors, 4);
            for (std::uint64_t j = 0; j < list.size() / 4; ++j) {
                // Tables may be shared, so the file's size alone does not bound the work.
                if (tensors_.full() || ++steps_ > 4 * max_tensors) return;
                read_tensor(graph.entry(list, j));
            }
        }
    }

private:
    void read_tensor(const FlatTable& tensor) {
        const auto name = as_text(tensor.vector(tensor_name, 1)).substr(0, max_name_bytes);
        const auto scales = tensor.table(tensor_quantisation);
        for (const auto& table : quantisation_tables) {
            const auto data = scales.vector(table.field, element_size(table.type));
            // One per tensor is not worth a tensor; one per channel is.
            if (data.size() > element_size(table.type)) {
                claim(std::string(name).append(table.suffix), table.type, {}, data);
            }
        }
        const auto index = tensor.scalar<std::uint32_t>(tensor_buffer);
        if (index >= used_.size() || used_[index]) return;
        used_[index] = true;
        const auto data = buffer_bytes(model_.entry(buffers_, index));
        if (data.empty()) return;
        Collector::Claim found;
        found.name = name;
        found.type = element_type(tensor.scalar<std::uint8_t>(tensor_type));
        found.shape = read_shape(tensor.vector(tensor_shape, 4));
        found.offset = offset_in(file_, data);
        found.bytes = data.size();
        found.quantisation = read_quantisation(scales);
        tensors_.add(std::move(found));
    }

    void claim(std::string_view name, ElementType type, std::vector<std::uint64_t> shape,
               ByteSpan data) {
        tensors_.add(Collector::Claim{
            name, type, std::move(shape), offset_in(file_, data), data.size(), {}});
    }

    static std::vector<std::uint64_t> read_shape(ByteSpan axes) {
        std::vector<std::uint64_t> shape;
        for (std::size_t i = 0; i + 4 <= axes.size() && shape.size() <= max_rank; i += 4) {
            shape.push_back(load_le<std::uint32_t>(axes.subspan(i, 4)));
        }
        return shape;
    }

    /// Data in the buffer's table, or behind the flatbuffer in files beyond 2 GB.
    [[nodiscard]] ByteSpan buffer_bytes(const FlatTable& buffer) const {
        const auto data = buffer.vector(buffer_data, 1);
        const auto offset = buffer.scalar<std::uint64_t>(buffer_offset);
        if (!data.empty() || offset <= 1) return data;
        return slice(file_, offset, buffer.scalar<std::uint64_t>(buffer_size));
    }

    std::optional<Quantisation> read_quantisation(const FlatTable& table) {
        const auto scales = table.vector(quantisation_scale, 4);
        const auto zeros = table.vector(quantisation_zero_point, 8);
        if (scales.empty() || scales.size() + zeros.size() > scale_bytes_left_) return std::nullopt;
        scale_bytes_left_ -= scales.size() + zeros.size();
        Quantisation result;
        result.axis = table.scalar<std::uint32_t>(quantisation_axis);
        for (std::size_t i = 0; i + 4 <= scales.size(); i += 4) {
            result.scales.push_back(load_f32(scales.subspan(i, 4)));
        }
        if (zeros.size() / 8 != scales.size() / 4) return result;
        for (std::size_t i = 0; i + 8 <= zeros.size(); i += 8) {
            result.zero_points.push_back(
                static_cast<std::int64_t>(load_le<std::uint64_t>(zeros.subspan(i, 8))));
        }
        return result;
    }

    ByteSpan file_;
    Collector& tensors_;
    FlatTable model_;
    ByteSpan buffers_;
    std::vector<bool> used_;
    std::uint64_t scale_bytes_left_;
    std::uint64_t steps_ = 0;
};

}  // namespace

bool read_tflite(ByteSpan file, Collector& tensors) {
    if (!starts_with(slice(file, 4, 4), "TFL3")) return false;
    TfliteReader(file, tensors).read();
    return true;
}

}  // namespace strandline::delta
