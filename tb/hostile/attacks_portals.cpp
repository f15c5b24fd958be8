#include "hostile/attack.hpp"
namespace siov::hostile {
std::vector<Attack> portal_attacks() { return {}; }
}  // namespace siov::hostile
