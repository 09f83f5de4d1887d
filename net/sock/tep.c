// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of TEPs.
 */

#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include "tep.h"

static const struct tcpcrypt_tep __rcu *teps[ENO_TEPS_MAX];
static DEFINE_MUTEX(teps_lock);

/**
 * tcpcrypt_tep_find() - look a TEP up
 * @id: TEP identifier, without the v bit
 *
 * Context: RCU read side. It may be used longer with a reference to its
 * owner.
 * Return: the TEP, or NULL.
 */
const struct tcpcrypt_tep *tcpcrypt_tep_find(u8 id)
{
	const struct tcpcrypt_tep *tep;
	unsigned int i;

	for (i = 0; i < ENO_TEPS_MAX; i++) {
		tep = rcu_dereference_check(teps[i],
					    lockdep_is_held(&teps_lock));
		if (tep && tep->eno.id == id)
			return tep;
	}
	return NULL;
}

/**
 * tcpcrypt_tep_known() - is there such a TEP?
 * @id: TEP identifier, without the v bit
 *
 * Context: any.
 * Return: whether there is.
 */
bool tcpcrypt_tep_known(u8 id)
{
	bool known;

	rcu_read_lock();
	known = tcpcrypt_tep_find(id);
	rcu_read_unlock();
	return known;
}

/**
 * tcpcrypt_tep_by_name() - look a TEP up by its name
 * @name: the name
 *
 * Context: process.
 * Return: its identifier or -ENOENT.
 */
int tcpcrypt_tep_by_name(const char *name)
{
	const struct tcpcrypt_tep *tep;
	int id = -ENOENT;
	unsigned int i;

	mutex_lock(&teps_lock);
	for (i = 0; i < ENO_TEPS_MAX; i++) {
		tep = rcu_dereference_protected(teps[i],
						lockdep_is_held(&teps_lock));
		if (tep && !strcmp(tep->name, name))
			id = tep->eno.id;
	}
	mutex_unlock(&teps_lock);
	return id;
}

/**
 * tcpcrypt_tep_name() - the name of a TEP
 * @id:   TEP identifier
 * @name: filled
 * @size: room in @name, bytes
 *
 * Context: process.
 * Return: false if there is no such TEP (any more).
 */
bool tcpcrypt_tep_name(u8 id, char *name, size_t size)
{
	const struct tcpcrypt_tep *tep;

	mutex_lock(&teps_lock);
	tep = tcpcrypt_tep_find(id);
	if (tep)
		strscpy(name, tep->name, size);
	mutex_unlock(&teps_lock);
	return tep;
}

/**
 * tcpcrypt_tep_register() - add a TEP
 * @tep: the TEP; it must stay until it was unregistered
 *
 * It is offered only where it is configured: TCP_ENO_SPECS or
 * net.tcpcrypt.teps.
 *
 * Context: process.
 * Return: 0, -EINVAL, -EEXIST or -ENOSPC.
 */
int tcpcrypt_tep_register(const struct tcpcrypt_tep *tep)
{
	int i, free = -1, err = 0;

	if (tep->eno.id < ENO_TEP_MIN || tep->eno.id > ENO_GLT ||
	    !tep->handshake)
		return -EINVAL;
	mutex_lock(&teps_lock);
	for (i = 0; i < ENO_TEPS_MAX; i++)
		if (!rcu_access_pointer(teps[i]))
			free = i;
	if (tcpcrypt_tep_find(tep->eno.id))
		err = -EEXIST;
	else if (free < 0)
		err = -ENOSPC;
	else
		rcu_assign_pointer(teps[free], tep);
	mutex_unlock(&teps_lock);
	return err;
}
EXPORT_SYMBOL_GPL(tcpcrypt_tep_register);

/**
 * tcpcrypt_tep_unregister() - remove a TEP
 * @tep: the TEP; connections that use it hold its owner
 *
 * Context: process.
 */
void tcpcrypt_tep_unregister(const struct tcpcrypt_tep *tep)
{
	unsigned int i;

	mutex_lock(&teps_lock);
	for (i = 0; i < ENO_TEPS_MAX; i++)
		if (rcu_access_pointer(teps[i]) == tep)
			RCU_INIT_POINTER(teps[i], NULL);
	mutex_unlock(&teps_lock);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(tcpcrypt_tep_unregister);
