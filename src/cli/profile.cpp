#include "cli/profile.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "cli/document.h"
#include "net/http_client.h"

namespace strandline::cli {
namespace {

constexpr std::size_t profile_limit = 64 * 1024;

std::string environment(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::string default_profile_path() {
    const std::string base = environment("XDG_CONFIG_HOME");
    if (!base.empty()) return base + "/strandline/profile.json";
    return environment("HOME") + "/.config/strandline/profile.json";
}

Result<Profile> load_profile(const std::string& path) {
    Profile profile;
    const auto text = read_text_file(path, profile_limit);
    if (text) {
        TRY(const auto stored, Document::parse(*text, path));
        profile = {stored.text("url"), stored.text("token"), stored.text("ca_pem")};
    } else if (text.error().code != Errc::not_found) {
        return text.error();
    }
    if (auto url = environment("STRANDLINE_HUB"); !url.empty()) profile.url = url;
    if (auto token = environment("STRANDLINE_TOKEN"); !token.empty()) profile.token = token;
    if (auto ca = environment("STRANDLINE_CA"); !ca.empty()) {
        TRY(profile.ca_pem, read_text_file(ca, profile_limit));
    }
    if (profile.url.empty() || profile.token.empty()) {
        return fail(
            Errc::unauthenticated,
            "not logged in; run: strandline login https://HUB:8443 --token @FILE (the hub prints "
            "an operator token at its first start)");
    }
    TRY(const auto url, net::Url::parse(profile.url));
    profile.url = url.origin();
    return profile;
}

Status save_profile(const std::string& path, const Profile& profile) {
    ObjectBuilder object;
    object.text("url", profile.url).text("token", profile.token).text("ca_pem", profile.ca_pem);
    TRY(make_folders(std::filesystem::absolute(path).parent_path()));
    return write_file_atomically(path, as_bytes(object.json() + "\n"));
}

Result<std::string> read_secret(const std::string& text) {
    std::string secret = text;
    if (text == "-") {
        std::getline(std::cin, secret);
    } else if (text.starts_with('@')) {
        TRY(secret, read_text_file(text.substr(1), profile_limit));
    }
    while (!secret.empty() &&
           (secret.back() == '\n' || secret.back() == '\r' || secret.back() == ' ')) {
        secret.pop_back();
    }
    if (secret.empty()) return fail(Errc::invalid, "the token is empty");
    return secret;
}

}  // namespace strandline::cli
