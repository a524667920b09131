#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "delta/layout/reader.h"

namespace strandline::delta {

/// A call of PyTorch's function that rebuilds a tensor from a storage.
struct PickledTensor {
    std::string name;               ///< the keys of the dictionaries around it, joined by dots
    std::string_view storage_type;  ///< module and class, one a line
    std::string_view storage;       ///< its key
    std::uint64_t first = 0;        ///< elements of the storage before the tensor
    std::vector<std::uint64_t> shape;
    std::vector<std::uint64_t> strides;  ///< elements
};

/// Runs pickles just far enough to see which tensors they rebuild. Nothing is called or built.
/// Opcodes: CPython's pickletools, protocols 0 to 5. The bytes are borrowed.
class PickleReader {
public:
    explicit PickleReader(ByteSpan bytes) : bytes_(bytes), reader_(bytes) {}

    /// Runs one pickle; false when it is damaged, unknown or larger than the limits.
    [[nodiscard]] bool run();

    [[nodiscard]] const std::vector<PickledTensor>& tensors() const { return tensors_; }
    /// Each text that was pushed, in order.
    [[nodiscard]] const std::vector<std::string_view>& texts() const { return texts_; }
    /// What follows the last pickle that was run.
    [[nodiscard]] ByteSpan rest() const {
        return bytes_.subspan(static_cast<std::size_t>(reader_.at()));
    }

private:
    /// open: a container that nothing was put into yet.
    enum class Kind : std::uint8_t { other, integer, text, global, tuple, storage, open };
    /// integer: first is the value. text, global: a part of bytes_. tuple, storage: of pool_.
    struct Value {
        Kind kind = Kind::other;
        std::uint64_t first = 0;
        std::uint64_t count = 0;
    };

    [[nodiscard]] bool step(std::uint8_t opcode);
    [[nodiscard]] bool step_number(std::uint8_t opcode);
    [[nodiscard]] bool step_text(std::uint8_t opcode);
    [[nodiscard]] bool step_memo(std::uint8_t opcode);
    [[nodiscard]] bool step_stack(std::uint8_t opcode);
    [[nodiscard]] bool step_object(std::uint8_t opcode);

    void push(Value value);
    Value pop();
    void pop_to_mark();
    void push_text(ByteSpan bytes);
    void push_tuple(std::size_t begin);
    void call();
    void remember(std::uint64_t slot);
    void recall(std::uint64_t slot);
    ByteSpan line();
    [[nodiscard]] std::string_view text_of(const Value& value) const;
    [[nodiscard]] Value item(const Value& tuple, std::uint64_t index) const;
    [[nodiscard]] std::vector<std::uint64_t> numbers_of(const Value& tuple) const;
    [[nodiscard]] std::string path() const;
    [[nodiscard]] bool add_key(std::size_t end, std::vector<std::string>& keys) const;
    void filled();

    ByteSpan bytes_;
    Reader reader_;
    std::vector<Value> stack_;
    std::vector<std::size_t> marks_;  ///< how high the stack was at each mark
    std::vector<Value> memo_;
    std::vector<Value> pool_;  ///< the items of all tuples
    std::vector<PickledTensor> tensors_;
    std::vector<std::string_view> texts_;
};

}  // namespace strandline::delta
