#include "delta/layout/onnx_graph.h"

#include <array>

#include "delta/layout/onnx_tensor.h"
#include "delta/layout/wire.h"

namespace strandline::delta {
namespace {

/// Graphs in nodes in graphs; real models have two or three.
constexpr int max_depth = 12;

struct Node {
    std::array<std::string_view, 6> inputs;
    std::size_t input_count = 0;
    std::string_view output;
    std::string_view name;
    std::string_view operation;
    std::uint32_t axis = 1;
};

// Messages nest without sharing bytes, so that the work is at most max_depth times the file.
class Walker {
public:
    explicit Walker(ByteSpan file) : file_(file) {}

    OnnxGraph walk() {
        Reader reader(file_);
        while (const auto field = next_field(reader)) {
            if (field->number == 7 && field->is_message) {  // ModelProto.graph
                result_.found = true;
                graph(field->bytes, max_depth);
            } else if (field->number == 25 && field->is_message) {  // functions
                function(field->bytes);
            }
        }
        if (!reader.ok()) result_.found = false;
        return std::move(result_);
    }

private:
    [[nodiscard]] bool full() const { return result_.tensors.size() >= max_tensors; }

    void graph(ByteSpan message, int depth) {
        if (depth == 0) return;
        Reader reader(message);
        while (const auto field = next_field(reader)) {
            if (!field->is_message) continue;
            if (field->number == 1) node(field->bytes, depth);
            if (field->number == 5) tensor(field->bytes, {});
            if (field->number == 15) sparse(field->bytes, {});
        }
    }

    void function(ByteSpan message) {
        Reader reader(message);
        while (const auto field = next_field(reader)) {
            if (field->is_message && field->number == 7) node(field->bytes, max_depth);
        }
    }

    void tensor(ByteSpan message, std::string_view name) {
        if (full()) return;
        auto claim = read_onnx_tensor(file_, message, name);
        if (claim.bytes > 0) result_.tensors.push_back(std::move(claim));
    }

    void sparse(ByteSpan message, std::string_view name) {
        Reader reader(message);
        while (const auto field = next_field(reader)) {
            if (field->is_message && field->number <= 2) tensor(field->bytes, name);
        }
    }

    void node(ByteSpan message, int depth) {
        // Two passes: attributes may stand before the name that their tensors are known by.
        Node node = read_names(message);
        Reader reader(message);
        while (const auto field = next_field(reader)) {
            if (field->is_message && field->number == 5) attribute(field->bytes, node, depth);
        }
        add_scaling(node);
    }

    static Node read_names(ByteSpan message) {
        Node node;
        Reader reader(message);
        while (const auto field = next_field(reader)) {
            if (!field->is_message) continue;
            const auto text = as_text(field->bytes);
            if (field->number == 1 && node.input_count < node.inputs.size()) {
                node.inputs[node.input_count++] = text;
            }
            if (field->number == 2 && node.output.empty()) node.output = text;
            if (field->number == 3) node.name = text;
            if (field->number == 4) node.operation = text;
        }
        return node;
    }

    void attribute(ByteSpan message, Node& node, int depth) {
        const auto name = node.output.empty() ? node.name : node.output;
        std::string_view own;
        Reader reader(message);
        while (const auto field = next_field(reader)) {
            switch (field->number) {
                case 1:
                    own = as_text(field->bytes);
                    break;
                case 3:
                    if (own == "axis") node.axis = static_cast<std::uint32_t>(field->value);
                    break;
                case 5:
                case 10:
                    tensor(field->bytes, name);
                    break;
                case 6:
                case 11:
                    graph(field->bytes, depth - 1);
                    break;
                case 22:
                case 23:
                    sparse(field->bytes, name);
                    break;
                default:
                    break;
            }
        }
    }

    void add_scaling(const Node& node) {
        if (result_.scalings.size() >= max_tensors) return;
        const auto& in = node.inputs;
        if (node.operation == "DequantizeLinear") {
            result_.scalings.push_back({in[0], in[1], in[2], node.axis});
        } else if (node.operation == "QLinearConv" || node.operation == "QLinearMatMul") {
            // Their scales go along the outermost axis of a convolution's weights.
            result_.scalings.push_back({in[3], in[4], in[5], 0});
        }
    }

    ByteSpan file_;
    OnnxGraph result_;
};

}  // namespace

OnnxGraph walk_onnx(ByteSpan file) { return Walker(file).walk(); }

}  // namespace strandline::delta
