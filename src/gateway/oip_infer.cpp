#include "gateway/oip_infer.h"

#include <algorithm>
#include <fmt/format.h>

namespace strandline::gateway {
namespace {

/// Reads the request out of a job's body, decoded first when it is coded.
Result<InferRequest> read_request(const InferJob& job) {
    std::string decoded;
    std::string_view body = job.body;
    if (job.body_coding != ContentCoding::identity) {
        TRY(decoded, decode_content(job.body_coding, job.body, job.max_request_bytes));
        body = decoded;
    }
    const bool raw = job.json_length && *job.json_length == 0;
    if (raw) return parse_raw_request(body, job.model->model->inputs());
    return parse_infer_request(body, job.json_length);
}

struct Outcome {
    Result<InferMessage> message;
    /// How long the model ran; nothing when it was never asked.
    std::optional<std::chrono::nanoseconds> run = std::nullopt;
};

Outcome infer_once(const InferJob& job, std::chrono::nanoseconds queued, const Clock& clock) {
    auto request = read_request(job);
    if (!request) return {std::move(request).error()};
    if (request->timeout.count() > 0 && queued > request->timeout) {
        return {fail(Errc::timeout,
                     fmt::format("waited longer in the queue than the {} us the request allows",
                                 request->timeout.count()))};
    }
    std::vector<std::string> wanted;
    for (const auto& output : request->outputs) wanted.push_back(output.name);
    const auto started = clock.steady();
    const auto outputs = job.model->model->run(request->inputs, wanted);
    const std::chrono::nanoseconds run = clock.steady() - started;
    if (!outputs) return {outputs.error(), run};
    const ModelLabel label{job.model->name, job.model->version};
    auto message = write_infer_response(label, *request, *outputs);
    if (message && job.answer_coding != ContentCoding::identity) {
        auto coded = encode_content(job.answer_coding, message->body);
        if (!coded) return {std::move(coded).error(), run};
        message->body = std::move(*coded);
    }
    return {std::move(message), run};
}

}  // namespace

Result<InferMessage> run_infer_job(const InferJob& job, const Clock& clock) {
    const std::chrono::nanoseconds queued = clock.steady() - job.queued_at;
    auto outcome = infer_once(job, queued, clock);
    // A malformed request says nothing about the model, and must not end its soak.
    if (outcome.run) {
        job.model->statistics->record(outcome.message.has_value(), queued, *outcome.run,
                                      to_unix_ms(clock.wall()));
    }
    return std::move(outcome.message);
}

std::shared_ptr<void> InferPlaces::take() {
    auto used = count_->used.load();
    do {
        if (used >= count_->limit) return nullptr;
    } while (!count_->used.compare_exchange_weak(used, used + 1));
    return {count_.get(), [count = count_](void*) { count->used.fetch_sub(1); }};
}

}  // namespace strandline::gateway
