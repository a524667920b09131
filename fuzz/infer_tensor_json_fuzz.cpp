#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "infer/tensor_json.h"

// First byte: the type. Second byte: the shape. The rest: a JSON array, or a document around some.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace infer = strandline::infer;
    if (size < 2) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto split = infer::split_tensor_data(text);
    STRANDLINE_ASSERT(!split || split->text.size() <= text.size() + 8 * split->arrays.size());

    infer::Tensor tensor{"t", static_cast<infer::DataType>(data[0] % 13), {}, {}, {}};
    tensor.shape = {data[1] & 7, (data[1] >> 3) & 7};
    if ((data[1] & 64) != 0) tensor.shape.push_back(data[1] & 3);
    if (!infer::read_tensor_data(text, tensor)) return 0;
    STRANDLINE_ASSERT(infer::check_tensor(tensor).has_value());
    std::string written;
    STRANDLINE_ASSERT(infer::write_tensor_data(tensor, written).has_value());
    infer::Tensor again{"t", tensor.type, tensor.shape, {}, {}};
    STRANDLINE_ASSERT(infer::read_tensor_data(written, again).has_value());
    STRANDLINE_ASSERT(again.data == tensor.data && again.elements == tensor.elements);
    return 0;
}
