// `--NAME VALUE` from the command line, and the files of certificates; shared by the server and the load client.

#pragma once

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>

class Options {
public:
    Options(int count, char **words) {
        for (int index = 1; index + 1 < count; index += 2) {
            values_[std::string(words[index]).substr(2)] = words[index + 1];
        }
    }

    std::string text(const std::string &name, const std::string &otherwise = "") const {
        auto found = values_.find(name);
        return found == values_.end() ? otherwise : found->second;
    }

    double number(const std::string &name, double otherwise) const {
        auto found = values_.find(name);
        return found == values_.end() ? otherwise : std::atof(found->second.c_str());
    }

    // A PEM file of the folder `--certs`.
    std::string pem(const std::string &name) const {
        std::ifstream file(text("certs") + "/" + name);
        if (!file) {
            std::cerr << "no " << text("certs") << "/" << name << std::endl;
            std::exit(1);
        }
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    std::map<std::string, std::string> values_;
};
