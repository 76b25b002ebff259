/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/words.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

void cm_words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

/* Copies one word to dst and says where the next begins; NULL when it is malformed. */
static const char *word_take(const char *s, struct cm_buf *word, const char **ret_problem)
{
	char quote = '\0';

	for (; *s != '\0'; s++) {
		if (quote == '\0' && strchr(" \t\r\n", *s) != NULL)
			return s;
		if (*s == quote) {
			quote = '\0';
		} else if (quote == '\0' && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (*s == '\\' && quote != '\'') {
			if (s[1] == '\0') {
				*ret_problem = "a backslash at the end";
				return NULL;
			}
			if (quote == '\0' || strchr("\"\\$`", s[1]) != NULL)
				s++;
			cm_buf_char(word, *s);
		} else {
			cm_buf_char(word, *s);
		}
	}
	if (quote == '\0')
		return s;
	*ret_problem = quote == '"' ? "a \" that is not closed" : "a ' that is not closed";
	return NULL;
}

int cm_words_split(const char *text, char ***ret, struct cm_err *err)
{
	char **words = cm_alloc_array(CM_WORDS_MAX + 1, sizeof(*words));
	const char *problem = NULL;
	size_t count = 0;

	if (strlen(text) > CM_WORDS_BYTES)
		problem = "too many characters";
	while (problem == NULL) {
		struct cm_buf word = CM_BUF_INIT(CM_WORDS_BYTES);

		text += strspn(text, " \t\r\n");
		if (*text == '\0')
			break;
		if (count == CM_WORDS_MAX) {
			problem = "too many words";
			break;
		}
		text = word_take(text, &word, &problem);
		if (problem == NULL)
			words[count++] = cm_buf_detach(&word);
		cm_buf_release(&word);
	}
	if (problem == NULL && count == 0)
		problem = "no word";
	if (problem != NULL) {
		cm_words_free(words);
		return cm_err_set(err, CM_EINVAL, "The command has %s.", problem);
	}
	*ret = words;
	return 0;
}

int cm_words_from_json(struct json_object *value, char ***ret, struct cm_err *err)
{
	size_t count = cm_json_len(value), bytes = 0;
	char **words;

	if (json_object_is_type(value, json_type_string))
		return cm_words_split(json_object_get_string(value), ret, err);
	if (!json_object_is_type(value, json_type_array) || count == 0 || count > CM_WORDS_MAX)
		return cm_err_set(err, CM_EINVAL, "A command is a text, or a list of 1 to %d words.", CM_WORDS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct json_object *word = json_object_array_get_idx(value, i);

		if (!json_object_is_type(word, json_type_string) ||
		    strlen(json_object_get_string(word)) != (size_t)json_object_get_string_len(word))
			return cm_err_set(err, CM_EINVAL, "Each word of a command is a text.");
		bytes += (size_t)json_object_get_string_len(word);
	}
	if (bytes > CM_WORDS_BYTES || json_object_get_string_len(json_object_array_get_idx(value, 0)) == 0)
		return cm_err_set(err, CM_EINVAL, "The command is empty or too long.");
	words = cm_alloc_array(count + 1, sizeof(*words));
	for (size_t i = 0; i < count; i++)
		words[i] = cm_strdup(json_object_get_string(json_object_array_get_idx(value, i)));
	*ret = words;
	return 0;
}
