#ifndef STRANDLINE_HAVE_ONNXRUNTIME

#include "infer/engine.h"

namespace strandline::infer {

Result<std::unique_ptr<Engine>> open_onnx_engine(const EngineOptions& /*options*/) {
    return fail(
        Errc::unavailable,
        "this build has no ONNX Runtime support, so models cannot run here. Run './run setup' and "
        "build again");
}

}  // namespace strandline::infer

#endif
