#include "delta/layout/tensor.h"
namespace strandline::delta {
std::vector<TensorMatch> match_tensors(const Layout&, ByteSpan, const Layout& new_layout,
                                       ByteSpan) {
    std::vector<TensorMatch> m(new_layout.tensors.size());
    for (std::size_t i = 0; i < m.size(); ++i) m[i].new_tensor = i;
    return m;
}
}  // namespace strandline::delta
