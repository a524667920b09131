#include "net/mqtt_probe.h"

#include <optional>

namespace strandline::net {

Task<void> probe_mqtt(Runtime& runtime, MqttOptions options, MqttUse use, Deadline deadline) {
    CO_TRY(auto client, MqttClient::create(runtime, std::move(options)));
    Signal changed(runtime.executor());
    bool connected = false;
    std::optional<Error> failed;
    client->on_connected([&](bool) {
        connected = true;
        changed.notify();
    });
    client->on_disconnected([&](const Error& error) {
        if (!failed) failed = error;
        changed.notify();
    });
    client->start();
    while (!connected && !failed && !deadline.passed()) co_await changed.wait(deadline);
    Status done;
    if (connected && use) done = co_await use(*client);
    co_await client->stop(deadline);
    if (connected) co_return done;
    if (failed) co_return *failed;
    co_return fail(Errc::timeout, "the broker did not answer in time");
}

}  // namespace strandline::net
