#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/content_coding.h"
#include "gateway/model_table.h"
#include "gateway/oip_message.h"

namespace strandline::gateway {

/// One inference on its way through the queue.
struct InferJob {
    std::shared_ptr<const ServedModel> model;  // shared: outlives its withdrawal from the table
    std::string body;
    std::optional<std::size_t> json_length;
    ContentCoding body_coding = ContentCoding::identity;
    ContentCoding answer_coding = ContentCoding::identity;
    std::size_t max_request_bytes = 0;  ///< after decompression
    SteadyTime queued_at;
    /// Holds a place in the bounded number of inferences; freed with the job.
    std::shared_ptr<void> place;
};

/// Decodes, parses, runs, writes and encodes; blocks. Once the model was run, the outcome counts in
/// its statistics.
[[nodiscard]] Result<InferMessage> run_infer_job(const InferJob& job, const Clock& clock);

/// Bounds how many inferences wait or run at once. Thread-safe.
class InferPlaces {
public:
    explicit InferPlaces(std::size_t limit) : count_(std::make_shared<Count>(limit)) {}
    /// Null when all are taken; the place is free again when the last copy is gone.
    [[nodiscard]] std::shared_ptr<void> take();

private:
    struct Count {
        explicit Count(std::size_t most) : limit(most) {}
        const std::size_t limit;
        std::atomic<std::size_t> used{0};
    };
    std::shared_ptr<Count> count_;  // shared with the places, which may outlive this object
};

}  // namespace strandline::gateway
