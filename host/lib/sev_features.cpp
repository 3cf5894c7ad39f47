#include "host/lib/sev_features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

bool is_snp(Platform platform) {
    return platform == Platform::kSevSnp || platform == Platform::kSimulatedSnp;
}
bool is_es(Platform platform) {
    return platform == Platform::kSevEs || platform == Platform::kSimulatedSevEs;
}

Result<std::uint64_t> parse_word(const std::string& word, Platform platform) {
    std::vector<std::string> names;
    for (const SevFeature& feature : kSevFeatureWords) {
        names.emplace_back(feature.name);
        if (word != feature.name) continue;
        if (is_snp(platform) || (feature.for_es && is_es(platform))) return feature.bit;
        return fail(fmt::format("--require {}: platform {} has no such thing", word, platform_name(platform)),
                    feature.for_es ? "give --platform sev-snp or sev-es" : "give --platform sev-snp");
    }
    const auto near = did_you_mean(word, names);
    return fail(fmt::format("--require {}: there is no such feature", word.empty() ? "''" : word),
                near ? fmt::format("did you mean '{}'?", *near)
                     : fmt::format("use {}, with commas between", fmt::join(names, ", ")));
}

}  // namespace

Result<std::uint64_t> parse_required_features(const std::string& words, Platform platform) {
    if (words.empty()) return std::uint64_t{0};
    std::uint64_t bits = 0;
    for (std::size_t at = 0; at <= words.size();) {
        const std::size_t end = std::min(words.find(',', at), words.size());
        bits |= TRY(parse_word(words.substr(at, end - at), platform));
        at = end + 1;
    }
    return bits;
}

std::uint64_t sev_features(Platform platform, std::uint64_t required) {
    return required | (is_snp(platform) ? abi::kSevFeatureSnp : 0);
}

}  // namespace enclavisor::host
