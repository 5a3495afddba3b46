// The Kaggle token, where the user has one. Public data sets need none.
#pragma once

#include <functional>
#include <string>

namespace pc::fetch {

// The value of an Authorization header, empty where there is no token: from $KAGGLE_API_TOKEN, else $KAGGLE_USERNAME
// and $KAGGLE_KEY, else kaggle.json in $KAGGLE_CONFIG_DIR or ~/.kaggle. `warn` hears of a file that the group can read.
// Errors name the place and never the token: Error(usage) for half a pair or control characters, Error(data) for a file
// that is not {"username", "key"}, Error(file) for one that everybody can read.
std::string kaggle_authorization(const std::function<void(const std::string&)>& warn);

}  // namespace pc::fetch
