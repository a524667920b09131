#include "trust/subject_names.h"

#include <algorithm>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/utf8.h"
#include "trust/openssl.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_names = 64;
constexpr std::size_t max_dns_name = 253;

using NamePtr = std::unique_ptr<GENERAL_NAME, FreeWith<GENERAL_NAME_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

bool is_dns_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    if (name.starts_with("*.")) name.remove_prefix(2);
    return !name.empty() && name.size() <= max_dns_name && name.front() != '.' &&
           name.back() != '.' && name.find("..") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(), allowed);
}

Result<NamePtr> general_name(const std::string& name) {
    NamePtr out(GENERAL_NAME_new());
    STRANDLINE_ASSERT(out != nullptr);
    if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str()); address != nullptr) {
        GENERAL_NAME_set0_value(out.get(), GEN_IPADD, address);
        return out;
    }
    ERR_clear_error();
    if (!is_dns_name(name)) {
        return fail(Errc::invalid,
                    fmt::format("certificate name \"{}\": is neither a DNS name nor an IP address",
                                clean_text(name, max_dns_name)));
    }
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    STRANDLINE_ASSERT(text != nullptr);
    GENERAL_NAME_set0_value(out.get(), GEN_DNS, text);
    if (ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) != 1) {
        return openssl_error(Errc::internal, "certificate name");
    }
    return out;
}

}  // namespace

Status add_subject_names(X509* certificate, std::span<const std::string> names) {
    if (names.size() > max_names) {
        return fail(Errc::invalid,
                    fmt::format("certificate names: at most {} are accepted", max_names));
    }
    const NamesPtr list(GENERAL_NAMES_new());
    STRANDLINE_ASSERT(list != nullptr);
    for (const auto& name : names) {
        TRY(auto entry, general_name(name));
        STRANDLINE_ASSERT(sk_GENERAL_NAME_push(list.get(), entry.get()) > 0);
        static_cast<void>(entry.release());  // the list owns it now
    }
    if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) !=
        1) {
        return openssl_error(Errc::internal, "add subjectAltName");
    }
    return {};
}

}  // namespace strandline::trust
