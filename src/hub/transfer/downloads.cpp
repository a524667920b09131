#include "hub/transfer/downloads.h"

#include <utility>

#include "hub/transfer/byte_range.h"

namespace strandline::hub {
namespace {

Result<net::FileBody> open_body(store::BlobStore& blobs, const Sha256Digest& digest) {
    TRY(const auto info, blobs.stat(digest));
    TRY(auto file, blobs.open_blob(digest));
    // Shared: the server keeps the file open as long as it sends.
    return net::FileBody{.file = std::make_shared<const UniqueFd>(std::move(file)),
                         .size = info.size,
                         .etag = "\"" + digest.hex() + "\""};
}

}  // namespace

net::Task<net::Response> send_blob(Services& services, const net::Request& request,
                                   Sha256Digest digest, std::string who) {
    std::function<Result<net::FileBody>()> open = [blobs = &services.blobs, digest] {
        return open_body(*blobs, digest);
    };
    CO_TRY(auto body, co_await services.runtime.offload<net::FileBody>(std::move(open)));
    const auto bytes = requested_bytes(request.headers.find("Range"), body.size);
    net::Response response;
    response.headers.set("Content-Type", "application/octet-stream");
    response.headers.set("Cache-Control", "private, immutable, max-age=31536000");
    response.body = std::move(body);
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
