// SPDX-License-Identifier: GPL-3.0-or-later
// What scripts of the predecessor rely on, one row for each call: method, path as the OpenAPI document has it (names of
// captures do not matter), what is asked, the status, and the fields with their types. Rows run in this order; `of` makes
// path, query and body from the things the test made. A type is a word, words joined by '|', an object of fields, or
// [type] for an array of at least one; { any: type } for an object whose every member has that type.
const id = '00000000-0000-4000-8000-000000000000';
const none = '/cmapi-none-of-this-name';
const done = { success: true, message: 'string' };
const error = { error: 'string', code: 'string' };
const row = (method, path, name, of, status, fields = error) => ({ method, path, name, of, status, fields });
const plain = (path) => () => ({ path });

const container = {
  id: 'id12', name: 'string', created: 'int', image: 'string', image_info: { id: 'string', name: 'string' }, ip_address: 'string', is_self: 'bool',
  networks: ['string'], port_mappings: 'array', ports: 'array', stack_info: 'object|null', status: 'string', status_text: 'string', volumes: 'array',
};
const backup = { backup_type: 'string', created: 'string', filename: 'string', server_name: 'string', size: 'int', storage_location: 'string', type: 'string' };
const action = (word, text) => row('POST', `/api/container/{id}/${word}`, 'done', (c) => ({ path: `/api/container/${c.id}/${word}`, body: {} }), 200,
  { success: true, message: text });
const schedule = {
  enabled: 'bool', schedule_type: 'string', hour: 'int', day_of_week: 'int|null', lifecycle: 'int', selected_containers: 'array', last_run: 'string|null', next_run: 'string|null',
};
const storage = { storage_type: 'string', s3_bucket: 'string', s3_region: 'string', s3_access_key: 'string', s3_secret_key: 'string' };

export const rows = [
  // 1. Auth
  row('POST', '/api/login', 'in', (c) => ({ path: '/api/login', body: { username: 'admin', password: c.password }, as: 'nobody' }), 200,
    { success: true, username: 'string', is_default_credentials: 'bool', csrf_token: 'string' }),
  row('POST', '/api/login', 'nothing typed', () => ({ path: '/api/login', body: {}, as: 'nobody' }), 400),
  row('POST', '/api/login', 'wrong password', () => ({ path: '/api/login', body: { username: 'admin', password: 'no' }, as: 'nobody' }), 401),
  row('GET', '/api/auth-status', 'in', plain('/api/auth-status'), 200, { logged_in: true, username: 'string', csrf_token: 'string' }),
  row('GET', '/api/auth-status', 'not in', () => ({ path: '/api/auth-status', as: 'nobody' }), 200, { logged_in: false }),
  row('GET', '/api/containers', 'not in', () => ({ path: '/api/containers', as: 'nobody' }), 401, { error: 'Authentication required', code: 'string' }),
  row('POST', '/api/containers/backup', 'no token', () => ({ path: '/api/containers/backup', body: {}, as: 'no token' }), 403, { ...error, csrf_error: true }),
  row('POST', '/api/change-password', 'no password', () => ({ path: '/api/change-password', body: {} }), 400, { ...error, error: 'Current password is required' }),
  row('POST', '/api/change-password', 'wrong password', () => ({ path: '/api/change-password', body: { current_password: 'no', new_username: 'other' } }), 401,
    { ...error, error: 'Current password is incorrect' }),
  row('POST', '/api/change-password', 'weak password', (c) => ({ path: '/api/change-password', body: { current_password: c.password, new_password: 'short' } }), 400),
  row('POST', '/api/change-password', 'nothing to change', (c) => ({ path: '/api/change-password', body: { current_password: c.password } }), 400),
  row('POST', '/api/change-password', 'another name', (c) => ({ path: '/api/change-password', body: { current_password: c.password, new_username: 'contract' } }), 200,
    { ...done, username: 'contract' }),
  row('POST', '/api/change-password', 'and back', (c) => ({ path: '/api/change-password', body: { current_password: c.password, new_username: 'admin' } }), 200,
    { ...done, username: 'admin' }),

  // 2. Containers
  row('GET', '/api/containers', 'list', (c) => ({ path: `/api/containers?q=${c.name}` }), 200, { containers: [container], total: 'int' }),
  row('GET', '/api/container/{id}/details', 'there', (c) => ({ path: `/api/container/${c.id}/details` }), 200, {
    id: 'string', name: 'string', image: 'string', image_id: 'string', created: 'string', started: 'string', status: 'string',
    config: { cmd: 'array|null', entrypoint: 'array|null', env: 'array|null', labels: 'object|null', user: 'string', working_dir: 'string' },
    host_config: { binds: 'array|null', cap_add: 'array|null', cap_drop: 'array|null', network_mode: 'string', port_bindings: 'object|null', privileged: 'bool', restart_policy: 'object' },
    mounts: 'array', network_settings: 'object',
  }),
  row('GET', '/api/container/{id}/details', 'unknown', plain(`/api/container${none}/details`), 404),
  row('GET', '/api/container/{id}/inspect', 'there', (c) => ({ path: `/api/container/${c.id}/inspect` }), 200, { Id: 'string', Name: 'string', Config: 'object', HostConfig: 'object' }),
  row('GET', '/api/container/{id}/inspect', 'unknown', plain(`/api/container${none}/inspect`), 404),
  row('GET', '/api/container/{id}/logs', 'there', (c) => ({ path: `/api/container/${c.id}/logs?tail=2` }), 200, { logs: 'string' }),
  row('GET', '/api/container/{id}/logs', 'all', (c) => ({ path: `/api/container/${c.id}/logs?tail=all` }), 200, { logs: 'string' }),
  row('GET', '/api/container/{id}/logs', 'negative', (c) => ({ path: `/api/container/${c.id}/logs?tail=-1` }), 400),
  row('GET', '/api/container/{id}/logs', 'unknown', plain(`/api/container${none}/logs`), 404),
  row('GET', '/api/container/{id}/stats', 'there', (c) => ({ path: `/api/container/${c.id}/stats` }), 200,
    { cpu_percent: 'number|null', memory_percent: 'number|null', memory_total_mb: 'number|null', memory_usage: 'string|null', memory_used_mb: 'number|null', status: 'string' }),
  row('GET', '/api/container/{id}/stats', 'unknown', plain(`/api/container${none}/stats`), 404),
  row('POST', '/api/container/{id}/exec', 'words', (c) => ({ path: `/api/container/${c.id}/exec`, body: { command: 'echo "one two"' } }), 200, { exit_code: 0, output: 'string' }),
  row('POST', '/api/container/{id}/exec', 'nothing', (c) => ({ path: `/api/container/${c.id}/exec`, body: { command: '' } }), 200, { output: '' }),
  row('POST', '/api/container/{id}/exec', 'unknown', () => ({ path: `/api/container${none}/exec`, body: { command: 'true' } }), 404),
  action('pause', 'Container paused'), action('resume', 'Container resumed'), action('stop', 'Container stopped gracefully'),
  action('start', 'Container started'), action('restart', 'Container restarted'),
  row('POST', '/api/container/{id}/start', 'unknown', () => ({ path: `/api/container${none}/start`, body: {} }), 404),
  row('POST', '/api/container/{id}/stop', 'hostile', () => ({ path: '/api/container/a%0Ab/stop', body: {} }), '400|404'),

  // 3. Backups
  row('POST', '/api/backup/{id}', 'started', (c) => ({ path: `/api/backup/${c.name}?queue=true`, body: {} }), '200|202', { success: true, message: 'string', progress_id: 'string' }),
  row('POST', '/api/backup/{id}', 'unknown', () => ({ path: `/api/backup${none}`, body: {} }), 404),
  row('GET', '/api/backup-progress/{id}', 'there', (c) => ({ path: `/api/backup-progress/${c.job}` }), 200,
    { status: 'string', step: 'string', current_step: 'int', total_steps: 'int', progress: 'int', error: 'string|null', backup_filename: 'string|null' }),
  row('GET', '/api/backup-progress/{id}', 'unknown', plain(`/api/backup-progress/${id}`), 404),
  row('GET', '/api/backup/status', 'any', plain('/api/backup/status'), 200, { status: 'string', queue_size: 'int' }),
  row('GET', '/api/backups', 'list', (c) => ({ path: `/api/backups?q=${c.name}` }), 200, { backups: [backup] }),
  row('GET', '/api/backup/{file}/preview', 'there', (c) => ({ path: `/api/backup/${c.file}/preview` }), 200, {
    success: true, container_name: 'string', image: 'string', image_backed_up: 'bool', status: 'string', backup_date: 'string', volumes: 'array', existing_volumes: 'array',
    port_mappings: 'array', docker_run_command: 'string', docker_compose: 'string', config: 'object',
  }),
  row('GET', '/api/backup/{file}/preview', 'unknown', plain('/api/backup/none_20260101_000000-000000.tar.gz/preview'), 404),
  row('POST', '/api/restore-backup', 'in the way', (c) => ({ path: '/api/restore-backup', body: { filename: c.file } }), 409),
  row('POST', '/api/restore-backup', 'no file', () => ({ path: '/api/restore-backup', body: {} }), 400, { ...error, error: 'Filename required' }),
  row('POST', '/api/restore-backup', 'unknown', () => ({ path: '/api/restore-backup', body: { filename: 'none_20260101_000000-000000.tar.gz' } }), 404),
  row('POST', '/api/restore-backup', 'done', (c) => ({ path: '/api/restore-backup', body: { filename: c.file, new_name: `${c.name}-again`, overwrite_volumes: false } }), 200,
    { ...done, container_id: 'string', container_name: 'string' }),
  row('GET', '/api/download/{file}', 'there', (c) => ({ path: `/api/download/${c.file}`, raw: true }), 200, null),
  row('GET', '/api/download/{file}', 'unknown', plain('/api/download/none_20260101_000000-000000.tar.gz'), 404),
  row('POST', '/api/upload-backup', 'no file', () => ({ path: '/api/upload-backup', multipart: [] }), 400),
  row('POST', '/api/upload-backup', 'another kind', () => ({ path: '/api/upload-backup', multipart: [['file', 'a.zip', 'PK']] }), 400),
  row('POST', '/api/backups/download-all-prepare', 'done', () => ({ path: '/api/backups/download-all-prepare', body: {} }), 200,
    { success: true, files: ['string'], session_id: 'string', total: 'int' }),
  row('GET', '/api/backups/download-all-progress/{id}', 'unknown', plain(`/api/backups/download-all-progress/${id}`), 404),

  // 4. Scheduler
  row('GET', '/api/scheduler/config', 'there', plain('/api/scheduler/config'), 200, schedule),
  row('POST', '/api/scheduler/config', 'hour 0', () => ({ path: '/api/scheduler/config', body: { schedule_type: 'daily', hour: 0, lifecycle: 7 } }), 200,
    { success: true, config: { ...schedule, hour: 0 } }),
  row('POST', '/api/scheduler/config', 'no such type', () => ({ path: '/api/scheduler/config', body: { schedule_type: 'hourly' } }), 400),
  row('POST', '/api/scheduler/config', 'no such hour', () => ({ path: '/api/scheduler/config', body: { hour: 24 } }), 400),
  row('POST', '/api/scheduler/config', 'no list', () => ({ path: '/api/scheduler/config', body: { selected_containers: 'all' } }), 400),
  row('POST', '/api/scheduler/test', 'nothing selected', () => ({ path: '/api/scheduler/test', body: {} }), 400),
  row('POST', '/api/scheduler/cleanup', 'done', () => ({ path: '/api/scheduler/cleanup', body: {} }), 200, done),

  // 5. Storage and settings of the pages
  row('GET', '/api/storage/settings', 'there', plain('/api/storage/settings'), 200, storage),
  row('POST', '/api/storage/settings', 'local', () => ({ path: '/api/storage/settings', body: { storage_type: 'local' } }), 200, { success: true, settings: storage }),
  row('POST', '/api/storage/settings', 'no such type', () => ({ path: '/api/storage/settings', body: { storage_type: 'tape' } }), 400),
  row('POST', '/api/storage/test-s3', 'fields missing', () => ({ path: '/api/storage/test-s3', body: {} }), 400),
  row('POST', '/api/ui/settings/{key}', 'done', () => ({ path: '/api/ui/settings/server_name', body: { value: 'contract' } }), 200, { success: true, key: 'server_name', value: 'contract' }),
  row('POST', '/api/ui/settings/{key}', 'no value', () => ({ path: '/api/ui/settings/server_name', body: {} }), 400, { ...error, error: 'Value is required' }),
  row('POST', '/api/ui/settings/{key}', 'hostile', () => ({ path: '/api/ui/settings/a%20b', body: { value: 'x' } }), 400, { ...error, error: 'Setting key contains invalid characters' }),
  row('GET', '/api/ui/settings', 'all', plain('/api/ui/settings'), 200, { server_name: 'contract' }),
  row('GET', '/api/ui/settings/{key}', 'set', plain('/api/ui/settings/server_name'), 200, { key: 'server_name', value: 'contract' }),
  row('GET', '/api/ui/settings/{key}', 'not set', plain('/api/ui/settings/none_of_this_name'), 200, { key: 'none_of_this_name', value: null }),

  // 6. Volumes
  row('GET', '/api/volumes', 'list', (c) => ({ path: `/api/volumes?q=${c.volume}` }), 200, { volumes: [{
    name: 'string', containers: 'array', created: 'string', driver: 'string', in_use: 'bool', is_self: 'bool', labels: 'object|null', mountpoint: 'string', options: 'object|null', size: 'string', stack: 'string|null',
  }] }),
  row('GET', '/api/volume/{name}/explore', 'top', (c) => ({ path: `/api/volume/${c.volume}/explore?path=/` }), 200,
    { volume: 'string', path: '/', files: [{ name: 'string', path: 'string', permissions: 'string', size: 'string', type: 'string', modified: 'string' }] }),
  row('GET', '/api/volume/{name}/explore', 'unknown volume', plain(`/api/volume${none}/explore?path=/`), 404),
  row('GET', '/api/volume/{name}/explore', 'unknown folder', (c) => ({ path: `/api/volume/${c.volume}/explore?path=/none` }), 404),
  row('GET', '/api/volume/{name}/file', 'text', (c) => ({ path: `/api/volume/${c.volume}/file?path=/hello.txt` }), 200, { volume: 'string', path: '/hello.txt', content: 'hello\n', size: 6 }),
  row('GET', '/api/volume/{name}/file', 'no path', (c) => ({ path: `/api/volume/${c.volume}/file` }), 400),
  row('GET', '/api/volume/{name}/file', 'unknown', (c) => ({ path: `/api/volume/${c.volume}/file?path=/none` }), 404),
  row('GET', '/api/volume/{name}/download', 'there', (c) => ({ path: `/api/volume/${c.volume}/download?path=/hello.txt`, raw: true }), 200, null),
  row('GET', '/api/volume/{name}/download', 'unknown', (c) => ({ path: `/api/volume/${c.volume}/download?path=/none` }), 404),
  row('DELETE', '/api/volume/{name}/delete', 'in use', (c) => ({ path: `/api/volume/${c.volume}/delete` }), 400, { ...error, in_use: true }),
  row('DELETE', '/api/volume/{name}/delete', 'unknown', plain(`/api/volume${none}/delete`), 404),
  row('DELETE', '/api/volume/{name}/delete', 'done', (c) => ({ path: `/api/volume/${c.spare}/delete` }), 200, { success: true, message: 'Volume deleted' }),
  row('POST', '/api/volumes/delete', 'one in use', (c) => ({ path: '/api/volumes/delete', body: { names: [c.volume, c.spare2] } }), 200,
    { success: true, message: 'string', deleted_count: 1, errors: ['string'], in_use_volumes: ['string'] }),
  row('POST', '/api/volumes/delete', 'no list', () => ({ path: '/api/volumes/delete', body: { names: 'x' } }), 400),

  // 7. Images, networks, stacks
  row('GET', '/api/images', 'list', plain('/api/images?q=busybox'), 200, { images: [{
    id: 'string', name: 'string', repository: 'string', tag: 'string', size: 'string', created: 'string', containers: 'array', in_use: 'bool', is_self: 'bool',
  }] }),
  row('DELETE', '/api/image/{id}/delete', 'by its exact tag', (c) => ({ path: `/api/image/${encodeURIComponent(c.image)}/delete` }), 200, { success: true, message: 'string' }),
  row('DELETE', '/api/image/{id}/delete', 'unknown', plain(`/api/image${none}/delete`), 404),
  row('POST', '/api/cleanup/dangling-images', 'done', () => ({ path: '/api/cleanup/dangling-images', body: {} }), 200,
    { ...done, reclaimed_space: 'string', deleted_count: 'int', deleted_images: 'array', deleted_image_ids: 'array' }),
  row('GET', '/api/networks', 'list', plain('/api/networks'), 200, { networks: [{
    id: 'string', name: 'string', driver: 'string', scope: 'string', subnet: 'string', gateway: 'string', ip_range: 'string', containers: 'int',
  }] }),
  row('POST', '/api/network/{id}/backup', 'done', (c) => ({ path: `/api/network/${c.network}/backup`, body: {} }), 200, { ...done, filename: 'string' }),
  row('POST', '/api/network/{id}/backup', 'a default one', () => ({ path: '/api/network/bridge/backup', body: {} }), 400),
  row('POST', '/api/network/{id}/backup', 'unknown', () => ({ path: `/api/network${none}/backup`, body: {} }), 404),
  row('GET', '/api/network-backups', 'list', plain('/api/network-backups'), 200, { backups: [{ created: 'string', filename: 'string', size: 'int', type: 'network' }] }),
  row('POST', '/api/network/restore', 'there already', (c) => ({ path: '/api/network/restore', body: { filename: c.answers['POST /api/network/{}/backup']?.filename ?? '' } }), 409, { ...error, network_name: 'string' }),
  row('POST', '/api/network/restore', 'no file', () => ({ path: '/api/network/restore', body: {} }), 400),
  row('POST', '/api/network/restore', 'unknown', () => ({ path: '/api/network/restore', body: { filename: 'network_none_20260101_000000.json' } }), 404),
  row('DELETE', '/api/network/{id}/delete', 'done', (c) => ({ path: `/api/network/${c.network}/delete` }), 200, { success: true, message: 'Network deleted' }),
  row('POST', '/api/network/restore', 'done', (c) => ({ path: '/api/network/restore', body: { filename: c.answers['POST /api/network/{}/backup']?.filename ?? '' } }), 200, { ...done, network_name: 'string' }),
  row('DELETE', '/api/network/{id}/delete', 'unknown', plain(`/api/network${none}/delete`), 404),
  row('GET', '/api/stacks', 'list', plain('/api/stacks'), 200, { stacks: [{
    name: 'string', type: 'string', services: ['string'], services_count: 'int', containers_count: 'int', networks: 'array',
  }] }),
  row('DELETE', '/api/stack/{name}/delete', 'unknown', plain(`/api/stack${none}/delete`), 404),

  // 8. System, statistics, audit, events
  row('GET', '/api/dashboard-stats', 'there', plain('/api/dashboard-stats'), 200, {
    backups_qty: 'int', containers_qty: 'int', cpu_ram_info: 'string', docker_sock_url: 'string', images_qty: 'int', networks_qty: 'int', running_containers: 'int', stacks_qty: 'int',
    stopped_containers: 'int', total_backups_size: 'string', total_images_size: 'string', volumes_qty: 'int',
  }),
  row('GET', '/api/system-stats', 'there', plain('/api/system-stats'), 200,
    { cpu_count: 'int', cpu_percent: 'number|null', docker_version: 'string', memory_percent: 'number', memory_total_mb: 'number', memory_used_mb: 'number' }),
  row('GET', '/api/statistics', 'there', plain('/api/statistics'), 200, {
    cache_timestamp: 'string|null', from_cache: 'bool',
    containers: [{
      id: 'string', name: 'string', image: 'string', status: 'string', status_text: 'string', cpu_percent: 'number|null', memory_percent: 'number|null', memory_total_mb: 'number|null',
      memory_used_mb: 'number|null', network_io: 'string|null', block_io: 'string|null', disk_size: 'string|null', disk_size_bytes: 'int|null', refresh_timestamp: 'string|null',
    }],
    totals: { containers_disk: 'string|null', containers_disk_bytes: 'int|null', images_disk: 'string|null', images_disk_bytes: 'int|null', volumes_disk: 'string|null', volumes_disk_bytes: 'int|null' },
  }),
  row('POST', '/api/statistics/refresh', 'started, or in progress', () => ({ path: '/api/statistics/refresh', body: {} }), '200|409', { success: 'bool', message: 'string' }),
  row('GET', '/api/system-time', 'there', plain('/api/system-time'), 200, { formatted: 'string', time: 'string' }),
  row('GET', '/api/check-environment', 'there', plain('/api/check-environment'), 200, { busybox: true, docker_cli: true, docker_socket: true, details: ['string'] }),
  row('POST', '/api/cleanup/temp-containers', 'none', () => ({ path: '/api/cleanup/temp-containers', body: {} }), 200, { message: 'No orphaned temp containers found', removed: 0 }),
  row('GET', '/api/events', 'there', plain('/api/events'), 200, { count: 'int', events: [{
    action: 'string', attributes: 'object', id: 'string', name: 'string|null', raw: 'object', time: 'int', timeNano: 'int', time_formatted: 'string', type: 'string',
  }] }),
  row('GET', '/api/events', 'no number', plain('/api/events?since=yesterday'), 400),
  row('GET', '/api/audit-logs', 'there', plain('/api/audit-logs?limit=5'), 200, { limit: 5, offset: 0, total: 'int', logs: [{
    id: 'int', timestamp: 'string', operation_type: 'string', status: 'string', container_id: 'string|null', container_name: 'string|null', backup_filename: 'string|null',
    error_message: 'string|null', user: 'string|null', details: 'object',
  }] }),
  row('GET', '/api/audit-logs', 'too many', plain('/api/audit-logs?limit=10001'), 400),
  row('GET', '/api/audit-logs', 'no number', plain('/api/audit-logs?limit=many'), 200, { limit: 1000 }),
  row('GET', '/api/audit-logs/statistics', 'there', plain('/api/audit-logs/statistics'), 200,
    { by_operation: { any: 'int' }, by_status: { any: 'int' }, last_24h: 'int', last_7d: 'int', total_logs: 'int' }),

  // What ends things, last.
  row('POST', '/api/container/{id}/redeploy', 'done', (c) => ({ path: `/api/container/${c.id}/redeploy`, body: {} }), 200, { ...done, id: 'string', command: 'string' }),
  row('POST', '/api/container/{id}/redeploy', 'unknown', () => ({ path: `/api/container${none}/redeploy`, body: {} }), 404),
  row('POST', '/api/container/{id}/kill', 'done', (c) => ({ path: `/api/container/${c.name}/kill`, body: {} }), 200, { success: true, message: 'Container killed' }),
  row('DELETE', '/api/container/{id}/delete', 'with its volumes', (c) => ({ path: `/api/container/${c.name}-again/delete?delete_volumes=true` }), 200, { ...done, deleted_volumes: 'array' }),
  row('DELETE', '/api/container/{id}/delete', 'unknown', plain(`/api/container${none}/delete`), 404),
  row('DELETE', '/api/stack/{name}/delete', 'done', (c) => ({ path: `/api/stack/${c.stack}/delete` }), 200, done),
  row('DELETE', '/api/backup/{file}', 'done', (c) => ({ path: `/api/backup/${c.file}` }), 200, { success: true, message: 'Backup deleted' }),
  row('DELETE', '/api/backup/{file}', 'unknown', plain('/api/backup/none_20260101_000000-000000.tar.gz'), 404),
  row('DELETE', '/api/backups/delete-all', 'done', plain('/api/backups/delete-all'), 200, { ...done, deleted_count: 'int' }),
  row('DELETE', '/api/audit-logs/clear', 'done', plain('/api/audit-logs/clear'), 200, { success: true, deleted_count: 'int' }),
  row('GET', '/api/no-such-path', 'unknown path', plain('/api/no-such-path'), 404),
  row('PUT', '/api/containers', 'another method', () => ({ path: '/api/containers', body: {} }), 405),
  row('POST', '/api/logout', 'out', () => ({ path: '/api/logout', body: {} }), 200, { success: true }),
];
