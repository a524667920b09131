#include "net/mqtt_handle.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <limits>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/mqtt_local.h"
#include "net/mqtt_properties.h"

namespace strandline::net {
namespace {

constexpr int receive_maximum = 100;
/// What a packet needs beside topic, payload and property values, rounded up.
constexpr std::size_t packet_overhead = 64;
constexpr std::size_t property_overhead = 8;

struct DestroyClient {
    void operator()(mosquitto* client) const { mosquitto_destroy(client); }
};

void init_library() {
    // Both are process-wide and idempotent. The library writes with write(2), which would end the
    // process when the peer is gone.
    static const int ready = [] {
        ::signal(SIGPIPE, SIG_IGN);
        return mosquitto_lib_init();
    }();
    STRANDLINE_ASSERT(ready == MOSQ_ERR_SUCCESS);
}

std::size_t packet_bytes(const MqttMessage& message) {
    std::size_t size = packet_overhead + message.topic.size() + message.payload.size() +
                       message.content_type.size() + message.response_topic.size() +
                       message.correlation_data.size();
    for (const auto& [name, value] : message.user_properties) {
        size += property_overhead + name.size() + value.size();
    }
    return size;
}

std::uint32_t to_u32(std::chrono::seconds span) {
    constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(span.count(), 0, most));
}

}  // namespace

struct MqttHandle::Impl {
    MqttOptions options;
    MqttEvents events;
    std::unique_ptr<mosquitto, DestroyClient> client;
    int end_reason = 0;  ///< of a CONNACK or DISCONNECT of the broker
    std::size_t max_packet_bytes = 0;

    Status configure();
    Status set_will();
    Status set_connect_properties();
    [[nodiscard]] Status outcome(int code) const;
    [[nodiscard]] std::string name() const {
        return fmt::format("MQTT {}:{}", options.host, options.port);
    }
    void on_connack(int reason, int flags, const mosquitto_property* properties);
    void on_message(const mosquitto_message& received, const mosquitto_property* properties);
    void set_callbacks();
};

void MqttHandle::Impl::on_connack(int reason, int flags, const mosquitto_property* properties) {
    if (reason != 0) {
        end_reason = reason;
        return;
    }
    MqttSession session;
    session.present = (flags & 1) != 0;
    std::uint16_t maximum = 0;
    std::uint32_t bytes = 0;
    if (mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &maximum, false) !=
        nullptr) {
        session.receive_maximum = maximum;
    }
    mosquitto_property_read_int32(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, &bytes, false);
    session.max_packet_bytes = bytes;
    max_packet_bytes = bytes;
    if (events.connected) events.connected(session);
}

void MqttHandle::Impl::on_message(const mosquitto_message& received,
                                  const mosquitto_property* properties) {
    MqttMessage message;
    message.topic = received.topic;
    if (received.payloadlen > 0) {
        message.payload.assign(static_cast<const char*>(received.payload),
                               static_cast<std::size_t>(received.payloadlen));
    }
    message.qos = received.qos;
    message.retain = received.retain;
    read_properties(properties, message);
    if (events.message) events.message(message);
}

void MqttHandle::Impl::set_callbacks() {
    mosquitto* handle = client.get();
    mosquitto_connect_v5_callback_set(
        handle, [](mosquitto*, void* user, int reason, int flags, const mosquitto_property* list) {
            static_cast<Impl*>(user)->on_connack(reason, flags, list);
        });
    mosquitto_disconnect_v5_callback_set(
        handle, [](mosquitto*, void* user, int reason, const mosquitto_property*) {
            // Reasons of a DISCONNECT are 128 and above; the library's own codes are below.
            auto& impl = *static_cast<Impl*>(user);
            if (reason >= MQTT_RC_UNSPECIFIED) impl.end_reason = reason;
        });
    mosquitto_message_v5_callback_set(handle,
                                      [](mosquitto*, void* user, const mosquitto_message* message,
                                         const mosquitto_property* list) {
                                          static_cast<Impl*>(user)->on_message(*message, list);
                                      });
    mosquitto_publish_v5_callback_set(
        handle, [](mosquitto*, void* user, int id, int reason, const mosquitto_property*) {
            const auto& impl = *static_cast<Impl*>(user);
            if (impl.events.acknowledged) impl.events.acknowledged(id, reason);
        });
    mosquitto_subscribe_v5_callback_set(handle, [](mosquitto*, void* user, int id, int count,
                                                   const int* granted, const mosquitto_property*) {
        const auto& impl = *static_cast<Impl*>(user);
        if (impl.events.subscribed && count > 0) impl.events.subscribed(id, granted[0]);
    });
}

Status MqttHandle::Impl::set_will() {
    const auto& will = *options.will;
    // Checked first, because the library leaks the properties of a will that it refuses.
    if (mosquitto_pub_topic_check(will.topic.c_str()) != MOSQ_ERR_SUCCESS) {
        return fail(Errc::invalid, fmt::format("MQTT will: '{}' is not a topic", will.topic));
    }
    MqttProperties properties;
    TRY(properties.add_u32(MQTT_PROP_WILL_DELAY_INTERVAL, to_u32(will.delay)));
    const int code = mosquitto_will_set_v5(
        client.get(), will.topic.c_str(), static_cast<int>(will.payload.size()),
        will.payload.data(), 1, will.retain, properties.release());
    if (code == MOSQ_ERR_SUCCESS) return {};
    return fail(Errc::invalid,
                fmt::format("MQTT will on {}: {}", will.topic, mosquitto_strerror(code)));
}

Status MqttHandle::Impl::set_connect_properties() {
    MqttProperties properties;
    TRY(properties.add_u32(MQTT_PROP_SESSION_EXPIRY_INTERVAL, to_u32(options.session_expiry)));
    TRY(properties.add_u32(MQTT_PROP_MAXIMUM_PACKET_SIZE,
                           static_cast<std::uint32_t>(options.max_packet_bytes)));
    // Only the blocking connect function takes properties, and it keeps them for every later
    // connection. Without a host it stops right after that, before it touches the network.
    const int code = mosquitto_connect_bind_v5(client.get(), nullptr, options.port, 0, nullptr,
                                               properties.get());
    STRANDLINE_ASSERT(code == MOSQ_ERR_INVAL);
    return {};
}

Status MqttHandle::Impl::configure() {
    mosquitto* handle = client.get();
    mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, receive_maximum);
    mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, std::numeric_limits<std::uint16_t>::max());
    if (options.will) TRY(set_will());
    return set_connect_properties();
}

/// The state of the connection after a call into the library.
Status MqttHandle::Impl::outcome(int code) const {
    if (end_reason != 0) return status_from_reason(name(), end_reason);
    switch (code) {
        case MOSQ_ERR_SUCCESS:
            return {};
        case MOSQ_ERR_CONN_LOST:
        case MOSQ_ERR_NO_CONN:
        case MOSQ_ERR_ERRNO:
            return fail(Errc::unavailable, name() + ": the connection was lost");
        case MOSQ_ERR_KEEPALIVE:
            return fail(Errc::timeout, name() + ": the broker answers no keep-alive");
        default:
            return fail(Errc::corrupt, fmt::format("{}: {}", name(), mosquitto_strerror(code)));
    }
}

MqttHandle::MqttHandle(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MqttHandle::~MqttHandle() = default;

Result<std::unique_ptr<MqttHandle>> MqttHandle::create(const MqttOptions& options,
                                                       MqttEvents events) {
    init_library();
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    impl->events = std::move(events);
    const bool clean_start = options.session_expiry.count() == 0;
    impl->client.reset(mosquitto_new(options.client_id.c_str(), clean_start, impl.get()));
    if (!impl->client) return fail(Errc::internal, "mosquitto_new failed");
    impl->set_callbacks();
    TRY(impl->configure());
    return std::unique_ptr<MqttHandle>(new MqttHandle(std::move(impl)));
}

Result<UniqueFd> MqttHandle::begin_connect() {
    auto& impl = *impl_;
    impl.end_reason = 0;
    return connect_locally([&impl](const std::string& path) -> Status {
        const int code =
            mosquitto_connect_bind_async(impl.client.get(), path.c_str(), 0,
                                         static_cast<int>(impl.options.keepalive.count()), nullptr);
        TRY(impl.outcome(code));
        // The library lets children inherit it.
        ::fcntl(mosquitto_socket(impl.client.get()), F_SETFD, FD_CLOEXEC);
        return {};
    });
}

bool MqttHandle::is_open() const { return mosquitto_socket(impl_->client.get()) >= 0; }

bool MqttHandle::readable() const {
    pollfd entry{mosquitto_socket(impl_->client.get()), POLLIN, 0};
    return entry.fd >= 0 && ::poll(&entry, 1, 0) == 1;
}

Status MqttHandle::read() {
    errno = 0;  // the library looks at it without cause
    return impl_->outcome(mosquitto_loop_read(impl_->client.get(), 1));
}

Status MqttHandle::write() { return impl_->outcome(mosquitto_loop_write(impl_->client.get(), 1)); }

Status MqttHandle::tick() { return impl_->outcome(mosquitto_loop_misc(impl_->client.get())); }

bool MqttHandle::wants_write() const { return mosquitto_want_write(impl_->client.get()); }

Result<int> MqttHandle::publish(const MqttMessage& message) {
    const auto limit = impl_->max_packet_bytes;
    // The library's own check is a few bytes too lenient, and a message that fails later is kept
    // for ever.
    if (limit != 0 && packet_bytes(message) > limit) {
        return fail(Errc::invalid, fmt::format("publish to {}: {} bytes, the broker takes {}",
                                               message.topic, packet_bytes(message), limit));
    }
    MqttProperties properties;
    TRY(properties.add_message(message));
    int id = 0;
    const int code = mosquitto_publish_v5(
        impl_->client.get(), &id, message.topic.c_str(), static_cast<int>(message.payload.size()),
        message.payload.data(), message.qos, message.retain, properties.get());
    switch (code) {
        case MOSQ_ERR_SUCCESS:
            return id;
        case MOSQ_ERR_CONN_LOST:
        case MOSQ_ERR_NO_CONN:
        case MOSQ_ERR_ERRNO:
            // Taken before the write failed, and sent again after the next connect.
            if (message.qos > 0) return id;
            return fail(Errc::unavailable,
                        fmt::format("publish to {}: connection lost", message.topic));
        default:
            return fail(Errc::invalid,
                        fmt::format("publish to {}: {}", message.topic, mosquitto_strerror(code)));
    }
}

Result<int> MqttHandle::subscribe(const std::string& filter, int qos) {
    int id = 0;
    const int code =
        mosquitto_subscribe_v5(impl_->client.get(), &id, filter.c_str(), qos, 0, nullptr);
    if (code == MOSQ_ERR_SUCCESS) return id;
    return fail(Errc::invalid,
                fmt::format("subscribe to {}: {}", filter, mosquitto_strerror(code)));
}

void MqttHandle::disconnect() { mosquitto_disconnect_v5(impl_->client.get(), 0, nullptr); }

}  // namespace strandline::net
