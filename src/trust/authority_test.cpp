#include "trust/authority.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <set>
#include <sys/stat.h>
#include <thread>

#include "base/file.h"
#include "base/ids.h"
#include "base/sha256.h"
#include "trust/certificate.h"

namespace strandline::trust {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

using StorePtr = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;

class AuthorityTest : public ::testing::Test {
protected:
    void SetUp() override { ca_ = open(); }
    void TearDown() override {
        std::error_code error;
        fs::remove_all(folder_, error);
    }

    std::unique_ptr<CertificateAuthority> open() {
        auto opened = CertificateAuthority::open_or_create(folder_, "Strandline CA", clock_);
        EXPECT_TRUE(opened) << opened.error().message;
        return opened ? *std::move(opened) : nullptr;
    }

    struct Check {
        int purpose = X509_PURPOSE_SSL_CLIENT;
        std::string host;
        std::string address;
        std::string crl;
    };

    // What a TLS peer does, at the time of our clock and with every strictness OpenSSL has. Returns
    // X509_V_OK (0) or the reason.
    int verify(const std::string& pem, const Check& check) const {
        const StorePtr store(X509_STORE_new());
        const auto root = certificate_from_pem(ca_->certificate_pem());
        const auto leaf = certificate_from_pem(pem);
        X509_STORE_add_cert(store.get(), root->get());
        unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE;
        if (!check.crl.empty()) {
            const auto bio = read_bio(check.crl);
            const CrlPtr crl(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
            X509_STORE_add_crl(store.get(), crl.get());
            flags |= X509_V_FLAG_CRL_CHECK;
        }
        const StoreContextPtr context(X509_STORE_CTX_new());
        X509_STORE_CTX_init(context.get(), store.get(), leaf->get(), nullptr);
        X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
        X509_VERIFY_PARAM_set_flags(rules, flags);
        X509_VERIFY_PARAM_set_time(rules, to_unix_ms(clock_.wall()) / 1000);
        X509_VERIFY_PARAM_set_purpose(rules, check.purpose);
        if (!check.host.empty()) X509_VERIFY_PARAM_set1_host(rules, check.host.c_str(), 0);
        if (!check.address.empty()) X509_VERIFY_PARAM_set1_ip_asc(rules, check.address.c_str());
        return X509_verify_cert(context.get()) == 1 ? X509_V_OK
                                                    : X509_STORE_CTX_get_error(context.get());
    }

    static std::string request_with(EVP_PKEY* key, EVP_PKEY* signer) {
        const RequestPtr request(X509_REQ_new());
        EXPECT_TRUE(add_common_name(X509_REQ_get_subject_name(request.get()), "anyone"));
        X509_REQ_set_pubkey(request.get(), key);
        EXPECT_GT(X509_REQ_sign(request.get(), signer, digest_for(signer)), 0);
        const auto bio = memory_bio();
        PEM_write_bio_X509_REQ(bio.get(), request.get());
        return content(bio);
    }

    fs::path folder_ = fs::temp_directory_path() / make_id("ca-test");
    FakeClock clock_;
    std::unique_ptr<CertificateAuthority> ca_;
};

TEST_F(AuthorityTest, IsMadeOnceAndKept) {
    const auto pem = ca_->certificate_pem();
    EXPECT_EQ(ca_->certificate_sha256(), *certificate_sha256(pem));
    EXPECT_EQ(ca_->certificate_sha256().size(), 64U);
    ca_ = open();
    EXPECT_EQ(ca_->certificate_pem(), pem);
    struct stat status {};
    ASSERT_EQ(::stat((folder_ / "ca.key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    const auto certificate = certificate_from_pem(pem);
    EXPECT_EQ(X509_check_ca(certificate->get()), 1);
    EXPECT_EQ(X509_get_version(certificate->get()), X509_VERSION_3);
    EXPECT_EQ(X509_get_key_usage(certificate->get()),
              static_cast<std::uint32_t>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
    EXPECT_EQ(X509_get_pathlen(certificate->get()), 0);
    EXPECT_NE(X509_get0_subject_key_id(certificate->get()), nullptr);
    EXPECT_EQ(read_certificate(pem)->common_name, "Strandline CA");
    EXPECT_LE(read_certificate(pem)->not_before, clock_.wall() - std::chrono::hours(23));
}

TEST_F(AuthorityTest, AStartCutShortIsFinished) {
    ASSERT_TRUE(fs::remove(folder_ / "ca.crt"));
    const auto key = *read_text_file(folder_ / "ca.key", 10'000);
    ca_ = open();
    ASSERT_NE(ca_, nullptr);
    EXPECT_EQ(*read_text_file(folder_ / "ca.key", 10'000), key);
    EXPECT_EQ(verify(ca_->issue_client("hub", std::chrono::hours(1))->issued.certificate_pem, {}),
              X509_V_OK);
}

TEST_F(AuthorityTest, RefusesHalvesThatDoNotBelongTogether) {
    ASSERT_TRUE(write_file_atomically(folder_ / "ca.key",
                                      as_bytes(make_certificate_request("x")->private_key_pem)));
    const auto mixed = CertificateAuthority::open_or_create(folder_, "x", clock_);
    ASSERT_FALSE(mixed);
    EXPECT_EQ(mixed.error().code, Errc::conflict);
    fs::remove(folder_ / "ca.key");
    const auto keyless = CertificateAuthority::open_or_create(folder_, "x", clock_);
    ASSERT_FALSE(keyless);
    EXPECT_EQ(keyless.error().code, Errc::conflict);
    EXPECT_THAT(keyless.error().message, HasSubstr("restore it from a backup"));
    ASSERT_TRUE(write_file_atomically(folder_ / "ca.key", as_bytes("rubbish")));
    EXPECT_EQ(CertificateAuthority::open_or_create(folder_, "x", clock_).error().code,
              Errc::invalid);
}

TEST_F(AuthorityTest, ServersAreValidForTheirNamesAndAsClients) {
    const std::vector<std::string> names{"localhost", "hub.example.org", "127.0.0.1", "::1"};
    const auto server = ca_->issue_server("strandline-hub", names, std::chrono::days(90));
    ASSERT_TRUE(server) << server.error().message;
    const auto& pem = server->issued.certificate_pem;
    for (const std::string host : {"localhost", "hub.example.org"}) {
        EXPECT_EQ(verify(pem, {X509_PURPOSE_SSL_SERVER, host, "", ""}), X509_V_OK) << host;
    }
    for (const std::string address : {"127.0.0.1", "::1"}) {
        EXPECT_EQ(verify(pem, {X509_PURPOSE_SSL_SERVER, "", address, ""}), X509_V_OK) << address;
    }
    EXPECT_EQ(verify(pem, {X509_PURPOSE_SSL_SERVER, "evil.org", "", ""}),
              X509_V_ERR_HOSTNAME_MISMATCH);
    EXPECT_EQ(verify(pem, {X509_PURPOSE_SSL_SERVER, "", "10.0.0.1", ""}),
              X509_V_ERR_IP_ADDRESS_MISMATCH);
    EXPECT_EQ(verify(pem, {X509_PURPOSE_SSL_CLIENT, "", "", ""}), X509_V_OK);
    EXPECT_TRUE(make_request_for_key(server->private_key_pem, "x")) << "the key is usable";
    EXPECT_EQ(server->issued.not_after, clock_.wall() + std::chrono::days(90));
}

TEST_F(AuthorityTest, RefusesServerNamesThatAreNone) {
    for (const std::string name :
         {"", "a,DNS:evil.org", "a b", "a..b", ".a", "a\n", "http://x", "[::1]"}) {
        const std::vector<std::string> names{name};
        const auto server = ca_->issue_server("hub", names, std::chrono::days(1));
        ASSERT_FALSE(server) << name;
        EXPECT_EQ(server.error().code, Errc::invalid);
    }
    EXPECT_FALSE(ca_->issue_server("hub", {}, std::chrono::days(1)));
}

TEST_F(AuthorityTest, ClientsAreNoServersAndNoAuthorities) {
    const auto client = ca_->issue_client("hub", std::chrono::hours(1));
    ASSERT_TRUE(client) << client.error().message;
    const auto& pem = client->issued.certificate_pem;
    EXPECT_EQ(verify(pem, {}), X509_V_OK);
    EXPECT_EQ(verify(pem, {X509_PURPOSE_SSL_SERVER, "", "", ""}), X509_V_ERR_INVALID_PURPOSE);
    const auto certificate = certificate_from_pem(pem);
    EXPECT_EQ(X509_check_ca(certificate->get()), 0);
    EXPECT_EQ(X509_get_key_usage(certificate->get()),
              static_cast<std::uint32_t>(KU_DIGITAL_SIGNATURE));
    EXPECT_NE(X509_get0_authority_key_id(certificate->get()), nullptr);
    clock_.advance(std::chrono::hours(2));
    EXPECT_EQ(verify(pem, {}), X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_F(AuthorityTest, ToleratesAPeerWhoseClockIsBehind) {
    const auto client = ca_->issue_client("hub", std::chrono::hours(1));
    clock_.set_wall(clock_.wall() - std::chrono::minutes(59));
    EXPECT_EQ(verify(client->issued.certificate_pem, {}), X509_V_OK);
    clock_.set_wall(clock_.wall() - std::chrono::minutes(2));
    EXPECT_EQ(verify(client->issued.certificate_pem, {}), X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST_F(AuthorityTest, NothingOutlivesTheAuthority) {
    const auto client = ca_->issue_client("hub", std::chrono::hours(24 * 365 * 100));
    ASSERT_TRUE(client);
    EXPECT_EQ(client->issued.not_after, read_certificate(ca_->certificate_pem())->not_after);
    EXPECT_EQ(ca_->issue_client("hub", std::chrono::seconds(0)).error().code, Errc::invalid);
}

TEST_F(AuthorityTest, SignsADevicesRequestAndTakesOnlyItsKey) {
    const auto made = make_certificate_request("i-am-the-hub");
    ASSERT_TRUE(made) << made.error().message;
    const auto issued = ca_->sign_request(made->csr_pem, "field-7", std::chrono::days(90));
    ASSERT_TRUE(issued) << issued.error().message;
    const auto info = read_certificate(issued->certificate_pem);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->common_name, "field-7");
    EXPECT_EQ(info->serial, issued->serial);
    EXPECT_EQ(info->not_after, issued->not_after);
    EXPECT_EQ(verify(issued->certificate_pem, {}), X509_V_OK);
    const auto key = private_key_from_pem(made->private_key_pem);
    const auto certificate = certificate_from_pem(issued->certificate_pem);
    EXPECT_EQ(X509_check_private_key(certificate->get(), key->get()), 1);
    const auto renewal = make_request_for_key(made->private_key_pem, "field-7");
    ASSERT_TRUE(renewal);
    EXPECT_TRUE(ca_->sign_request(*renewal, "field-7", std::chrono::days(90)));
}

TEST_F(AuthorityTest, SignsTheKindsOfKeyItNames) {
    const KeyPtr rsa(EVP_RSA_gen(2048));
    const KeyPtr weak(EVP_RSA_gen(1024));
    const KeyPtr ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const KeyPtr p384(EVP_EC_gen("P-384"));
    for (EVP_PKEY* key : {rsa.get(), ed25519.get()}) {
        const auto issued = ca_->sign_request(request_with(key, key), "d", std::chrono::hours(1));
        ASSERT_TRUE(issued) << issued.error().message;
        EXPECT_EQ(verify(issued->certificate_pem, {}), X509_V_OK);
    }
    for (EVP_PKEY* key : {weak.get(), p384.get()}) {
        const auto refused = ca_->sign_request(request_with(key, key), "d", std::chrono::hours(1));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid);
        EXPECT_THAT(refused.error().message, HasSubstr("P-256"));
    }
}

TEST_F(AuthorityTest, WantsProofOfPossession) {
    const KeyPtr mine(EVP_EC_gen("P-256"));
    const KeyPtr stolen(EVP_EC_gen("P-256"));
    const auto refused =
        ca_->sign_request(request_with(stolen.get(), mine.get()), "d", std::chrono::hours(1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_THAT(refused.error().message, HasSubstr("not signed with the key"));
}

TEST_F(AuthorityTest, RefusesHostileRequestsAndNames) {
    const std::string csr = make_certificate_request("d")->csr_pem;
    const std::string cases[] = {
        "",
        "rubbish",
        csr.substr(0, csr.size() / 2),
        ca_->certificate_pem(),
        std::string(1'000'000, 'A'),
        "-----BEGIN CERTIFICATE REQUEST-----\nMAAA\n-----END CERTIFICATE REQUEST-----\n"};
    for (const auto& text : cases) {
        const auto issued = ca_->sign_request(text, "d", std::chrono::hours(1));
        ASSERT_FALSE(issued) << text.substr(0, 60);
        EXPECT_EQ(issued.error().code, Errc::invalid);
    }
    for (const std::string& name :
         std::vector<std::string>{"", "a/b", "a b", "#", "a+b", std::string(65, 'a')}) {
        EXPECT_FALSE(ca_->sign_request(csr, name, std::chrono::hours(1))) << name;
    }
    for (std::size_t i = 28; i + 28 < csr.size(); i += 3) {
        auto damaged = csr;
        damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
        ignore(ca_->sign_request(damaged, "d", std::chrono::hours(1)), "must only not crash");
    }
}

TEST_F(AuthorityTest, SerialsAre128BitsAndDiffer) {
    std::set<std::string> serials;
    for (int i = 0; i < 50; ++i) {
        const auto issued = ca_->issue_client("d", std::chrono::hours(1));
        EXPECT_EQ(issued->issued.serial.size(), 32U);
        serials.insert(issued->issued.serial);
    }
    EXPECT_EQ(serials.size(), 50U);
}

TEST_F(AuthorityTest, RevokesByCrl) {
    const auto good = ca_->issue_client("good", std::chrono::hours(1));
    const auto bad = ca_->issue_client("bad", std::chrono::hours(1));
    const auto empty = ca_->make_crl({}, 1, std::chrono::hours(1));
    ASSERT_TRUE(empty) << empty.error().message;
    EXPECT_EQ(verify(bad->issued.certificate_pem, {.host = "", .address = "", .crl = *empty}),
              X509_V_OK);
    const std::vector<Revoked> revoked{{bad->issued.serial, clock_.wall()},
                                       {bad->issued.serial, clock_.wall()},
                                       {"01", clock_.wall()}};
    const auto crl = ca_->make_crl(revoked, 2, std::chrono::hours(1));
    ASSERT_TRUE(crl) << crl.error().message;
    EXPECT_EQ(verify(bad->issued.certificate_pem, {.host = "", .address = "", .crl = *crl}),
              X509_V_ERR_CERT_REVOKED);
    EXPECT_EQ(verify(good->issued.certificate_pem, {.host = "", .address = "", .crl = *crl}),
              X509_V_OK);
    const auto bio = read_bio(*crl);
    const CrlPtr read(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    EXPECT_EQ(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(read.get())), 2) << "no serial twice";
    EXPECT_EQ(X509_CRL_get_version(read.get()), X509_CRL_VERSION_2);
    const std::unique_ptr<ASN1_INTEGER, FreeWith<ASN1_INTEGER_free>> number(
        static_cast<ASN1_INTEGER*>(
            X509_CRL_get_ext_d2i(read.get(), NID_crl_number, nullptr, nullptr)));
    ASSERT_NE(number, nullptr);
    EXPECT_EQ(ASN1_INTEGER_get(number.get()), 2);
}

TEST_F(AuthorityTest, RefusesSerialsThatAreNone) {
    for (const std::string& serial :
         std::vector<std::string>{"", "xyz", "1", std::string(42, 'a')}) {
        const std::vector<Revoked> revoked{{serial, clock_.wall()}};
        const auto crl = ca_->make_crl(revoked, 1, std::chrono::hours(1));
        ASSERT_FALSE(crl) << serial;
        EXPECT_EQ(crl.error().code, Errc::invalid);
    }
}

TEST_F(AuthorityTest, IssuesToManyThreads) {
    constexpr int callers = 4;
    std::vector<std::jthread> threads;
    threads.reserve(callers);
    for (int i = 0; i < callers; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 10; ++n) {
                const auto issued = ca_->issue_client("d", std::chrono::hours(1));
                EXPECT_EQ(verify(issued->issued.certificate_pem, {}), X509_V_OK);
            }
        });
    }
}

TEST(ReadCertificate, RefusesHostilePem) {
    const std::string cases[] = {"", "x", std::string(1'000'000, '-'),
                                 "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"};
    for (const auto& text : cases) {
        EXPECT_EQ(read_certificate(text).error().code, Errc::invalid);
        EXPECT_EQ(certificate_sha256(text).error().code, Errc::invalid);
    }
}

}  // namespace
}  // namespace strandline::trust
