#include "sim/state_file.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/lib/file.hpp"

namespace enclavisor::sim {
namespace {

using nlohmann::json;

constexpr const char* kFile = "state.json";
constexpr int kFormat = 1;
constexpr const char* kSigners[] = {"ark", "ask", "asvk"};

std::string hex(BytesView bytes) {
    std::string out;
    for (const std::uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
    return out;
}

std::optional<Bytes> from_hex(const std::string& text) {
    if (text.size() % 2 != 0 || text.find_first_not_of("0123456789abcdef") != text.npos) return std::nullopt;
    Bytes out;
    for (std::size_t i = 0; i < text.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
    return out;
}

// Throws json::exception for what is missing or of another type.
template <std::size_t N>
bool read_block(const json& from, const char* name, Block<N>& into) {
    const auto bytes = from_hex(from.at(name).get<std::string>());
    if (!bytes || bytes->size() != N) return false;
    into = block_of<N>(*bytes);
    return true;
}

bool read_chip(const json& from, ChipState& chip) {
    const auto product = find_product(from.at("product").get<std::string>());
    if (!product || !read_block(from, "secret", chip.secret) || !read_block(from, "id", chip.id))
        return false;
    chip.product = *product;
    from.at("current_tcb").get_to(chip.current_tcb);
    from.at("committed_tcb").get_to(chip.committed_tcb);
    from.at("reported_tcb").get_to(chip.reported_tcb);
    from.at("platform_info").get_to(chip.platform_info);
    from.at("mitigations").get_to(chip.mitigations);
    from.at("report_version").get_to(chip.report_version);
    from.at("mask_chip_id").get_to(chip.mask_chip_id);
    from.at("mask_chip_key").get_to(chip.mask_chip_key);
    if (from.contains("vlek"))
        chip.vlek = Vlek{from.at("vlek").at("provider").get<std::string>(),
                         from.at("vlek").at("tcb").get<std::uint64_t>()};
    return tcb_at_most(chip.reported_tcb, chip.committed_tcb) &&
           tcb_at_most(chip.committed_tcb, chip.current_tcb);
}

bool read_authority(const json& from, AuthorityState& authority) {
    from.at("lists").get_to(authority.lists);
    for (int i = 0; i < 3; ++i) {
        const auto signer = static_cast<Signer>(i);
        for (const json& revoked : from.at("revoked"))
            if (revoked.get<std::string>() == kSigners[i]) authority.revoked.insert(signer);
        if (!from.contains(kSigners[i])) continue;
        const json& entry = from.at(kSigners[i]);
        const auto certificate = from_hex(entry.at("certificate").get<std::string>());
        const std::string key = entry.at("key").get<std::string>();
        if (!certificate || !RsaKey::from_pem(key)) return false;
        authority.signers[signer] = {key, *certificate};
    }
    return true;
}

bool read_sev(const json& from, SevState& sev) {
    from.at("oca").get_to(sev.oca);
    from.at("pek").get_to(sev.pek);
    from.at("pdh").get_to(sev.pdh);
    if (sev.pek.empty()) return sev.oca.empty() && sev.pdh.empty();
    return EcKey::from_pem(sev.oca) && EcKey::from_pem(sev.pek) && EcKey::from_pem(sev.pdh);
}

bool read_state(const json& from, State& state) {
    return from.at("format").get<int>() == kFormat && read_chip(from.at("chip"), state.chip) &&
           read_authority(from.at("authority"), state.authority) && read_sev(from.at("sev"), state.sev);
}

}  // namespace

std::string text_of(const State& state) {
    const ChipState& chip = state.chip;
    json chip_json{{"product", facts_of(chip.product).name},
                   {"secret", hex(chip.secret)},
                   {"id", hex(chip.id)},
                   {"current_tcb", chip.current_tcb},
                   {"committed_tcb", chip.committed_tcb},
                   {"reported_tcb", chip.reported_tcb},
                   {"platform_info", chip.platform_info},
                   {"mitigations", chip.mitigations},
                   {"report_version", chip.report_version},
                   {"mask_chip_id", chip.mask_chip_id},
                   {"mask_chip_key", chip.mask_chip_key}};
    if (chip.vlek) chip_json["vlek"] = {{"provider", chip.vlek->provider}, {"tcb", chip.vlek->tcb}};
    json authority{{"lists", state.authority.lists}, {"revoked", json::array()}};
    for (const Signer signer : state.authority.revoked)
        authority["revoked"].push_back(kSigners[static_cast<int>(signer)]);
    for (const auto& [signer, kept] : state.authority.signers)
        authority[kSigners[static_cast<int>(signer)]] = {{"key", kept.key},
                                                         {"certificate", hex(kept.certificate)}};
    const json sev{{"oca", state.sev.oca}, {"pek", state.sev.pek}, {"pdh", state.sev.pdh}};
    return json{{"format", kFormat}, {"chip", chip_json}, {"authority", authority}, {"sev", sev}}.dump(1) +
           "\n";
}

host::Result<State> parse_state(std::string_view text, const std::string& name) {
    State state;
    bool valid = false;
    try {
        valid = read_state(json::parse(text), state);
    } catch (const json::exception&) {
    }
    if (!valid)
        return host::fail(fmt::format("{} is not a state of this model", name),
                          "remove it for a new processor");
    return state;
}

host::Result<std::optional<State>> load_state(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / kFile;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return std::optional<State>{};
    const std::vector<std::byte> bytes = TRY(host::read_file(file));
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    return std::optional<State>{TRY(parse_state(text, file.string()))};
}

host::Result<void> save_state(const std::filesystem::path& folder, const std::string& text) {
    std::error_code error;
    if (std::filesystem::create_directories(folder, error))
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    if (error)
        return host::fail(fmt::format("cannot make {}: {}", folder.string(), error.message()),
                          "give --state another place");
    return host::write_file(folder / kFile, text);
}

}  // namespace enclavisor::sim
