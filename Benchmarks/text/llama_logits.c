// Prints what llama.cpp computes of a prompt, as `apus-text-bench --logits` does: {"logits": […], "tokens": […]}.
//
//     llama_logits FILE TOKEN,TOKEN,… COUNT
//
// The logits are those after the prompt, the tokens the COUNT likeliest ones that follow it.

#include <llama.h>
#include <stdio.h>
#include <stdlib.h>

static void quiet(enum ggml_log_level level, const char *text, void *data) {
    (void)data;
    if (level == GGML_LOG_LEVEL_ERROR) {
        fputs(text, stderr);
    }
}

static int fail(const char *problem) {
    fprintf(stderr, "llama_logits: %s\n", problem);
    return 1;
}

int main(int count, char **words) {
    if (count != 4) {
        return fail("FILE TOKEN,TOKEN,... COUNT");
    }
    enum { TOKENS_MAX = 1024 };
    llama_token tokens[TOKENS_MAX];
    int32_t token_count = 0;
    for (char *rest = words[2]; *rest != 0 && token_count < TOKENS_MAX;) {
        tokens[token_count++] = (llama_token)strtol(rest, &rest, 10);
        rest += *rest == ',';
    }
    llama_log_set(quiet, NULL);
    llama_backend_init();
    struct llama_model *model = llama_model_load_from_file(words[1], llama_model_default_params());
    if (model == NULL) {
        return fail("the model cannot be loaded");
    }
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = 512;
    params.n_threads = params.n_threads_batch = 2;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    struct llama_context *context = llama_init_from_model(model, params);
    if (context == NULL || llama_decode(context, llama_batch_get_one(tokens, token_count)) != 0) {
        return fail("the prompt cannot be computed");
    }
    const int32_t size = llama_vocab_n_tokens(llama_model_get_vocab(model));
    printf("{\"logits\": [");
    for (int32_t i = 0; i < size; i++) {
        printf("%s%.9g", i == 0 ? "" : ", ", llama_get_logits_ith(context, -1)[i]);
    }
    printf("], \"tokens\": [");
    const long wanted = strtol(words[3], NULL, 10);
    for (long written = 0; written < wanted; written++) {
        const float *logits = llama_get_logits_ith(context, -1);
        llama_token best = 0;
        for (int32_t i = 1; i < size; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        printf("%s%d", written == 0 ? "" : ", ", best);
        if (llama_decode(context, llama_batch_get_one(&best, 1)) != 0) {
            return fail("a token cannot be computed");
        }
    }
    printf("]}\n");
    llama_free(context);
    llama_model_free(model);
    return 0;
}
