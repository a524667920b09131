#include "hub/transfer/downloads.h"

#include <utility>

#include "hub/transfer/byte_range.h"
#include "hub/transfer/open_blobs.h"

namespace strandline::hub {

net::Task<net::Response> send_blob(Services& services, const net::Request& request,
                                   Sha256Digest digest, std::string who) {
    std::optional<OpenBlob> blob = services.open_blobs->find(digest);
    if (!blob) {
        std::function<Result<OpenBlob>()> open = [blobs = services.open_blobs, digest] {
            return blobs->open(digest);
        };
        CO_TRY(blob, co_await services.runtime.offload<OpenBlob>(std::move(open)));
    }
    const auto bytes = requested_bytes(request.headers.find("Range"), blob->size);
    net::Response response;
    response.headers.set("Content-Type", "application/octet-stream");
    response.headers.set("Cache-Control", "private, immutable, max-age=31536000");
    response.body = net::FileBody{
        .file = std::move(blob->file), .size = blob->size, .etag = "\"" + digest.hex() + "\""};
    if (request.method == net::Method::head) co_return response;
    CO_TRY(auto ticket, co_await services.gate->enter(who + "/" + digest.hex(), bytes));
    response.max_bytes_per_second = services.config.transfers.bytes_per_second_per_transfer;
    response.shared_rate = services.gate->rate();
    auto& sent_total = services.metrics.counter("strandline_download_bytes_total",
                                                "Bytes of files and deltas sent to devices.");
    response.on_sent = [ticket = std::move(ticket), &sent_total](std::uint64_t sent,
                                                                 bool complete) {
        sent_total.add(sent);
        ticket->ended(sent, complete);
    };
    co_return response;
}

}  // namespace strandline::hub
