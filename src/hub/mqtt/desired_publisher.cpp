#include "hub/mqtt/desired_publisher.h"

#include <memory>
#include <utility>

#include "base/log.h"

namespace strandline::hub {
namespace {

// Devices and other replicas may have changed the database without a word to us.
constexpr std::chrono::seconds look_again{10};
constexpr std::chrono::seconds after_failure{1};
constexpr std::chrono::seconds acknowledge_timeout{30};
// The broker acknowledges in order, so the last of a batch stands for all of it.
constexpr std::size_t batch_size = 64;

net::MqttMessage retained(std::string topic, std::string payload) {
    net::MqttMessage message;
    message.topic = std::move(topic);
    message.payload = std::move(payload);
    message.retain = true;
    return message;
}

}  // namespace

DesiredPublisher::DesiredPublisher(net::Runtime& runtime, fleet::DesiredStore& store,
                                   net::MqttClient& client, MqttTopics topics, Metrics& metrics)
    : runtime_(&runtime),
      store_(&store),
      client_(&client),
      topics_(std::move(topics)),
      signal_(runtime.executor()),
      published_(&metrics.counter("strandline_desired_published_total",
                                  "Desired states published, repetitions included.")) {}

void DesiredPublisher::wake() {
    runtime_->post([this] { signal_.notify(); });
}

void DesiredPublisher::publish_all() {
    everything_ = true;
    signal_.notify();
}

void DesiredPublisher::stop() {
    stopping_ = true;
    signal_.notify();
}

boost::asio::awaitable<void> DesiredPublisher::run() {
    std::chrono::seconds wait{0};
    while (!stopping_) {
        co_await signal_.wait(Deadline::after(wait));
        wait = look_again;
        if (stopping_ || !client_->connected()) continue;
        const auto done = co_await pass();
        if (!done) {
            log_warn("publishing desired states: {}", done.error().message);
            wait = after_failure;
        }
    }
}

net::Task<void> DesiredPublisher::pass() {
    if (std::exchange(everything_, false)) {
        const auto all = co_await publish_everything();
        if (!all) {
            everything_ = true;
            co_return all.error();
        }
    }
    while (!stopping_) {
        CO_TRY(const bool published, co_await publish_changed());
        CO_TRY(const bool cleared, co_await clear_removed());
        if (!published && !cleared) break;
    }
    co_return Status{};
}

net::Task<void> DesiredPublisher::publish_everything() {
    using Page = registry::Page<fleet::DesiredRecord>;
    registry::PageRequest request;
    request.limit = batch_size;
    while (!stopping_) {
        std::function<Result<Page>()> read = [store = store_, request] {
            return store->list(request);
        };
        CO_TRY(const auto page, co_await runtime_->offload<Page>(std::move(read)));
        CO_TRY(co_await publish_batch(page.items));
        if (!page.next) break;
        request.cursor = *page.next;
    }
    co_return Status{};
}

net::Task<bool> DesiredPublisher::publish_changed() {
    using Records = std::vector<fleet::DesiredRecord>;
    std::function<Result<Records>()> read = [store = store_] {
        return store->unpublished(batch_size);
    };
    CO_TRY(const auto records, co_await runtime_->offload<Records>(std::move(read)));
    CO_TRY(co_await publish_batch(records));
    co_return !records.empty();
}

net::Task<void> DesiredPublisher::publish_batch(const std::vector<fleet::DesiredRecord>& records) {
    if (records.empty()) co_return Status{};
    std::vector<net::MqttMessage> messages;
    messages.reserve(records.size());
    for (const auto& record : records)
        messages.push_back(retained(topics_.desired(record.device), desired_payload(record)));
    CO_TRY(co_await send(messages));
    std::function<Result<bool>()> mark = [store = store_, records]() -> Result<bool> {
        TRY(store->mark_published(records));
        return true;
    };
    CO_TRY(co_await runtime_->offload<bool>(std::move(mark)));
    co_return Status{};
}

net::Task<bool> DesiredPublisher::clear_removed() {
    using Names = std::vector<std::string>;
    std::function<Result<Names>()> read = [store = store_] { return store->to_clear(batch_size); };
    CO_TRY(const auto devices, co_await runtime_->offload<Names>(std::move(read)));
    if (devices.empty()) co_return false;
    std::vector<net::MqttMessage> messages;
    for (const auto& device : devices) {
        messages.push_back(retained(topics_.desired(device), ""));
        messages.push_back(retained(topics_.state(device), ""));
    }
    CO_TRY(co_await send(messages));
    std::function<Result<bool>()> mark = [store = store_, devices]() -> Result<bool> {
        TRY(store->mark_cleared(devices));
        return true;
    };
    CO_TRY(co_await runtime_->offload<bool>(std::move(mark)));
    co_return true;
}

net::Task<void> DesiredPublisher::send(const std::vector<net::MqttMessage>& messages) {
    for (std::size_t i = 0; i + 1 < messages.size(); ++i) CO_TRY(client_->publish(messages[i]));
    auto last = messages.back();
    CO_TRY(
        co_await client_->publish_and_wait(std::move(last), Deadline::after(acknowledge_timeout)));
    published_->add(messages.size());
    co_return Status{};
}

}  // namespace strandline::hub
