#include "net/mqtt_handle.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/core.h>
#include <limits>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/mqtt_properties.h"
#include "net/mqtt_tls.h"

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
    std::optional<MqttTls> tls;
    bool tls_given = false;
    std::unique_ptr<mosquitto, DestroyClient> client;
    std::string library_errors;  ///< what the library logged as errors during this connection
    int end_reason = 0;          ///< of a CONNACK or DISCONNECT of the broker
    bool connected = false;
    std::size_t max_packet_bytes = 0;

    Status configure();
    Status prepare_tls(std::optional<WallTime> verify_time);
    Status set_will();
    Status set_connect_properties();
    Status outcome(int code, int error_number);
    [[nodiscard]] Error transport_error(int error_number) const;
    Status peer_is_there(int error_number) const;
    [[nodiscard]] std::string name() const {
        return fmt::format("MQTT {}:{}", options.host, options.port);
    }
    void on_connack(int reason, int flags, const mosquitto_property* properties);
    void on_message(const mosquitto_message& received, const mosquitto_property* properties);
    void on_log(int level, std::string_view text);
    void set_callbacks();
};

void MqttHandle::Impl::on_connack(int reason, int flags, const mosquitto_property* properties) {
    if (reason != 0) {
        end_reason = reason;
        return;
    }
    connected = true;
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

void MqttHandle::Impl::on_log(int level, std::string_view text) {
    constexpr std::size_t most = 512;
    if (level != MOSQ_LOG_ERR || library_errors.size() > most) return;
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (!library_errors.empty()) library_errors += "; ";
    library_errors += text;
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
    mosquitto_log_callback_set(handle, [](mosquitto*, void* user, int level, const char* text) {
        static_cast<Impl*>(user)->on_log(level, text);
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
    mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, receive_maximum);
    mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, std::numeric_limits<std::uint16_t>::max());
    if (options.tls) {
        TRY(tls, MqttTls::create(options));
    }
    if (options.will) TRY(set_will());
    return set_connect_properties();
}

Status MqttHandle::Impl::prepare_tls(std::optional<WallTime> verify_time) {
    if (!tls) return {};
    TRY(tls->renew(options, verify_time));
    // The library frees the reference that it takes here only after it has begun a connection.
    if (!std::exchange(tls_given, true)) {
        mosquitto_int_option(client.get(), MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
        mosquitto_void_option(client.get(), MOSQ_OPT_SSL_CTX, tls->context());
    }
    return {};
}

/// The reason why a broker broke a handshake off is lost when its reset overtakes its alert.
Error MqttHandle::Impl::transport_error(int error_number) const {
    const bool broken_off =
        error_number == EPROTO || error_number == ECONNRESET || error_number == EPIPE;
    if (options.tls && !connected && broken_off) {
        return fail(Errc::unavailable,
                    name() + ": the broker broke the handshake off; it may refuse our certificate");
    }
    return fail(Errc::unavailable, fmt::format("{}: {}", name(), std::strerror(error_number)));
}

Status MqttHandle::Impl::peer_is_there(int error_number) const {
    // While the library shakes hands it takes a connection that broke for one that is slow.
    char byte = 0;
    const ssize_t count = ::recv(mosquitto_socket(client.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return {};
    if (count < 0) return transport_error(errno);
    const bool told = error_number != 0 && error_number != EAGAIN && error_number != EINPROGRESS;
    return transport_error(told ? error_number : ECONNRESET);
}

/// The state of the connection after a call into the library.
Status MqttHandle::Impl::outcome(int code, int error_number) {
    if (code == MOSQ_ERR_SUCCESS && mosquitto_socket(client.get()) >= 0) {
        if (connected) return {};
        return peer_is_there(error_number);
    }
    if (end_reason != 0) return status_from_reason(name(), end_reason);
    if (!library_errors.empty()) {
        const bool cut = connected || library_errors.find("unexpected eof") != std::string::npos;
        return fail(cut ? Errc::unavailable : Errc::unauthenticated,
                    fmt::format("{}: TLS: {}", name(), library_errors));
    }
    switch (code) {
        case MOSQ_ERR_SUCCESS:
            return fail(Errc::cancelled, name() + ": disconnected");
        case MOSQ_ERR_ERRNO:
            return transport_error(error_number);
        case MOSQ_ERR_EAI:
            return fail(Errc::unavailable,
                        fmt::format("{}: {}", name(), ::gai_strerror(error_number)));
        case MOSQ_ERR_CONN_LOST:
        case MOSQ_ERR_NO_CONN:
            return fail(Errc::unavailable, name() + ": the broker closed the connection");
        case MOSQ_ERR_KEEPALIVE:
            return fail(Errc::timeout, name() + ": the broker answers no keep-alive");
        case MOSQ_ERR_TLS:
            return fail(Errc::unauthenticated, name() + ": TLS handshake failed");
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

Status MqttHandle::begin_connect(std::optional<WallTime> verify_time) {
    auto& impl = *impl_;
    impl.library_errors.clear();
    impl.end_reason = 0;
    impl.connected = false;
    const auto& options = impl.options;
    TRY(impl.prepare_tls(verify_time));
    errno = 0;
    const int code =
        mosquitto_connect_bind_async(impl.client.get(), options.host.c_str(), options.port,
                                     static_cast<int>(options.keepalive.count()), nullptr);
    const int error_number = errno;
    // The library marks each connection for a check of its own, which it never set up.
    ERR_clear_error();
    return impl.outcome(code, error_number);
}

int MqttHandle::socket() const { return mosquitto_socket(impl_->client.get()); }

Status MqttHandle::check_connect() const {
    int reason = 0;
    socklen_t size = sizeof reason;
    if (::getsockopt(socket(), SOL_SOCKET, SO_ERROR, &reason, &size) != 0) reason = errno;
    if (reason == 0) return {};
    return fail(Errc::unavailable, fmt::format("{}: {}", impl_->name(), std::strerror(reason)));
}

bool MqttHandle::settled() const {
    const auto* tls = static_cast<const SSL*>(mosquitto_ssl_get(impl_->client.get()));
    return tls == nullptr || SSL_is_init_finished(tls) == 1;
}

bool MqttHandle::awaits_verdict() const {
    const auto* tls = static_cast<const SSL*>(mosquitto_ssl_get(impl_->client.get()));
    return tls != nullptr && SSL_version(tls) >= TLS1_3_VERSION;
}

void MqttHandle::cut() {
    if (socket() >= 0) ::shutdown(socket(), SHUT_RDWR);
}

Status MqttHandle::read() {
    errno = 0;
    const int code = mosquitto_loop_read(impl_->client.get(), 1);
    return impl_->outcome(code, errno);
}

Status MqttHandle::write() {
    errno = 0;
    const int code = mosquitto_loop_write(impl_->client.get(), 1);
    return impl_->outcome(code, errno);
}

Status MqttHandle::tick() {
    errno = 0;
    const int code = mosquitto_loop_misc(impl_->client.get());
    return impl_->outcome(code, errno);
}

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
