// The bot in Azure: one Container App, PostgreSQL without a public address, Key Vault, Log Analytics, Azure Bot.
//
// NOT COMPILED AND NEVER DEPLOYED: where this was written there is neither a compiler of Bicep nor a subscription. A
// grammar finds no error in it, and tests hold its rules. Run `az bicep build` and `az deployment group what-if` first.
//
//   az deployment group create --resource-group rg-procall-bot --template-file deploy/azure/main.bicep --parameters ...
//   az containerapp job start --name procall-bot-migrate --resource-group rg-procall-bot
//
// The role name in deploy/postgres/roles.py is `bot`. Azure Files takes the locks of the state folder by SMB, and the
// vault's firewall lets in the network of the apps and services that Azure trusts: look at both before anything else.
//
// A new image: deactivate the running revision first, for one process holds the database (docs/decisions/0042).
targetScope = 'resourceGroup'

@description('Region of everything but the Azure Bot, which is global.')
param location string = resourceGroup().location

@description('Begins the name of each resource; lower-case letters, digits and hyphens.')
@minLength(3)
@maxLength(20)
param namePrefix string = 'procall-bot'

@description('Image of deploy/Dockerfile, with its registry and a tag or digest that never moves.')
param image string

@description('Registry that the managed identity may pull from (role AcrPull, given by you); empty for a public one.')
param registryServer string = ''

@description('How the bot proves itself: by the managed identity made here, or by an app registration of yours.')
@allowed(['UserAssignedMSI', 'SingleTenant'])
param appType string = 'UserAssignedMSI'

@description('Application (client) id of the registration; only for SingleTenant.')
param appId string = ''

@description('Client secret of the registration; only for SingleTenant.')
@secure()
param appSecret string = ''

@description('Entra tenant whose people may speak.')
param tenantId string = subscription().tenantId

@description('Entra object ids of the admins.')
param admins array

@description('Entra object ids of the data protection officers.')
param dpos array

@description('Name and mail of the data protection officer, as cards show them.')
param dpo object = { name: '', mail: '' }

@description('The [[sources]] of the settings, as a list of objects.')
param sources array = []

@description('Price tier of the Azure Bot.')
@allowed(['F0', 'S1'])
param botSku string = 'S1'

@description('Password of the role that owns the database; used by the migration job only.')
@secure()
@minLength(20)
param ownerPassword string

@description('Password of the role that the bot works as.')
@secure()
@minLength(20)
param botPassword string

@description('Size of the PostgreSQL server; the smallest serves some thousand people.')
param postgresSku object = { name: 'Standard_B1ms', tier: 'Burstable' }

@description('Days that PostgreSQL keeps backups for a restore to a point in time.')
@minValue(7)
@maxValue(35)
param backupDays int = 14

@description('Days that log lines are kept; clause 2.7 of the terms allows no more than 90.')
@minValue(30)
@maxValue(90)
param logDays int = 90

var isManaged = appType == 'UserAssignedMSI'
var suffix = uniqueString(resourceGroup().id)
var ownerRole = 'procall_owner'
var botRole = 'bot'
var database = 'nex'
var trust = 'sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt'
var server = '${postgres.properties.fullyQualifiedDomainName}/${database}?${trust}'
var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var botAppId = isManaged ? identity.properties.clientId : appId
var registries = empty(registryServer) ? [] : [{ server: registryServer, identity: identity.id }]
var probes = [
  { type: 'Startup', httpGet: { path: '/livez', port: 3979 }, periodSeconds: 5, failureThreshold: 24 }
  { type: 'Liveness', httpGet: { path: '/livez', port: 3979 }, periodSeconds: 30, failureThreshold: 3 }
  { type: 'Readiness', httpGet: { path: '/readyz', port: 3979 }, periodSeconds: 10, failureThreshold: 3 }
]

// -- who the bot is -------------------------------------------------------------------------------------------------

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${namePrefix}-id'
  location: location
}

resource bot 'Microsoft.BotService/botServices@2022-09-15' = {
  name: '${namePrefix}-${suffix}'
  location: 'global'
  kind: 'azurebot'
  sku: { name: botSku }
  properties: {
    displayName: 'ProCall NEX privacy bot'
    endpoint: 'https://${app.properties.configuration.ingress.fqdn}/api/messages'
    msaAppType: appType
    msaAppId: botAppId
    msaAppTenantId: tenantId
    msaAppMSIResourceId: isManaged ? identity.id : null
    disableLocalAuth: true
  }
}

resource teams 'Microsoft.BotService/botServices/channels@2022-09-15' = {
  parent: bot
  name: 'MsTeamsChannel'
  location: 'global'
  properties: { channelName: 'MsTeamsChannel', properties: { isEnabled: true } }
}

// -- the network: PostgreSQL has an address inside it only ----------------------------------------------------------

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: '${namePrefix}-net'
  location: location
  properties: {
    addressSpace: { addressPrefixes: ['10.90.0.0/16'] }
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: '10.90.0.0/23'
          delegations: [{ name: 'apps', properties: { serviceName: 'Microsoft.App/environments' } }]
          serviceEndpoints: [{ service: 'Microsoft.KeyVault' }, { service: 'Microsoft.Storage' }]
        }
      }
      {
        name: 'database'
        properties: {
          addressPrefix: '10.90.2.0/28'
          delegations: [
            { name: 'database', properties: { serviceName: 'Microsoft.DBforPostgreSQL/flexibleServers' } }
          ]
        }
      }
    ]
  }

  resource apps 'subnets' existing = { name: 'apps' }
  resource inside 'subnets' existing = { name: 'database' }
}

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = {
  name: '${namePrefix}.private.postgres.database.azure.com'
  location: 'global'

  resource link 'virtualNetworkLinks' = {
    name: 'bot'
    location: 'global'
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
}

// -- where everything is kept ---------------------------------------------------------------------------------------

resource postgres 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: '${namePrefix}-${suffix}'
  location: location
  sku: postgresSku
  properties: {
    version: '17'
    administratorLogin: ownerRole
    administratorLoginPassword: ownerPassword
    authConfig: { passwordAuth: 'Enabled', activeDirectoryAuth: 'Disabled' }
    storage: { storageSizeGB: 32, autoGrow: 'Enabled' }
    backup: { backupRetentionDays: backupDays, geoRedundantBackup: 'Disabled' }
    highAvailability: { mode: 'Disabled' }
    network: {
      delegatedSubnetResourceId: network::inside.id
      privateDnsZoneArmResourceId: zone.id
      publicNetworkAccess: 'Disabled'
    }
  }
  dependsOn: [zone::link]

  resource nex 'databases' = {
    name: database
    properties: { charset: 'UTF8', collation: 'C' }
  }
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: take('procallbot${suffix}', 24)
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowBlobPublicAccess: false
    networkAcls: { defaultAction: 'Deny', bypass: 'None', virtualNetworkRules: [{ id: network::apps.id }] }
  }

  resource files 'fileServices' = {
    name: 'default'
    properties: { shareDeleteRetentionPolicy: { enabled: true, days: 14 } }

    resource state 'shares' = {
      name: 'state'
      properties: { shareQuota: 20 }
    }
  }
}

// -- secrets --------------------------------------------------------------------------------------------------------

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: take('procallbot${suffix}', 24)
  location: location
  properties: {
    tenantId: tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
    networkAcls: { defaultAction: 'Deny', bypass: 'AzureServices', virtualNetworkRules: [{ id: network::apps.id }] }
  }

  resource ownerDsn 'secrets' = {
    name: 'owner-dsn'
    properties: { value: 'postgresql://${ownerRole}:${uriComponent(ownerPassword)}@${server}' }
  }
  resource botDsn 'secrets' = {
    name: 'bot-dsn'
    properties: { value: 'postgresql://${botRole}:${uriComponent(botPassword)}@${server}' }
  }
  resource rolePassword 'secrets' = {
    name: 'bot-password'
    properties: { value: botPassword }
  }
  resource registrationSecret 'secrets' = if (!isManaged) {
    name: 'app-secret'
    properties: { value: appSecret }
  }
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
  }
}

// -- what runs ------------------------------------------------------------------------------------------------------

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${namePrefix}-logs'
  location: location
  properties: { sku: { name: 'PerGB2018' }, retentionInDays: logDays }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${namePrefix}-env'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: { customerId: logs.properties.customerId, sharedKey: logs.listKeys().primarySharedKey }
    }
    vnetConfiguration: { infrastructureSubnetId: network::apps.id, internal: false }
    workloadProfiles: [{ name: 'Consumption', workloadProfileType: 'Consumption' }]
  }

  resource state 'storages' = {
    name: 'state'
    properties: {
      azureFile: {
        accountName: storage.name
        accountKey: storage.listKeys().keys[0].value
        shareName: storage::files::state.name
        accessMode: 'ReadWrite'
      }
    }
  }
}

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: namePrefix
  location: location
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    managedEnvironmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Multiple' // by hand: the old one is deactivated before the new one is activated
      ingress: {
        external: true
        targetPort: 3978 // the ops port stays inside
        transport: 'http'
        allowInsecure: false
        traffic: [{ latestRevision: true, weight: 100 }]
      }
      registries: registries
      secrets: concat(
        [{ name: 'bot-dsn', keyVaultUrl: vault::botDsn.properties.secretUri, identity: identity.id }],
        isManaged ? [] : [
          { name: 'app-secret', keyVaultUrl: vault::registrationSecret.properties.secretUri, identity: identity.id }
        ]
      )
    }
    template: {
      terminationGracePeriodSeconds: 45
      scale: { minReplicas: 1, maxReplicas: 1 } // one process holds the database
      volumes: [
        {
          name: 'state'
          storageType: 'AzureFile'
          storageName: environment::state.name
          mountOptions: 'uid=10001,gid=10001,dir_mode=0700,file_mode=0600'
        }
      ]
      containers: [
        {
          name: 'bot'
          image: image
          resources: { cpu: json('0.5'), memory: '1Gi' }
          probes: probes
          volumeMounts: [{ volumeName: 'state', mountPath: '/var/lib/procall-bot' }]
          env: concat(
            [
              { name: 'PROCALL_TEAMS__APP_ID', value: botAppId }
              { name: 'PROCALL_TEAMS__APP_TYPE', value: appType }
              { name: 'PROCALL_TEAMS__TENANT_ID', value: tenantId }
              { name: 'PROCALL_ROLES__ADMINS', value: string(admins) }
              { name: 'PROCALL_ROLES__DPOS', value: string(dpos) }
              { name: 'PROCALL_CONTACTS__DPO_NAME', value: dpo.name }
              { name: 'PROCALL_CONTACTS__DPO_MAIL', value: dpo.mail }
              { name: 'PROCALL_SOURCES', value: string(sources) }
              { name: 'PROCALL_STATE__POSTGRES_DSN', secretRef: 'bot-dsn' }
            ],
            isManaged ? [] : [{ name: 'PROCALL_TEAMS__APP_SECRET', secretRef: 'app-secret' }]
          )
        }
      ]
    }
  }
  dependsOn: [mayRead]
}

// Makes the bot's role and brings the schema up to date; started by hand, once for each new version.
resource migrate 'Microsoft.App/jobs@2024-03-01' = {
  name: '${namePrefix}-migrate'
  location: location
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Manual'
      replicaTimeout: 900
      replicaRetryLimit: 1
      manualTriggerConfig: { parallelism: 1, replicaCompletionCount: 1 }
      registries: registries
      secrets: [
        { name: 'owner-dsn', keyVaultUrl: vault::ownerDsn.properties.secretUri, identity: identity.id }
        { name: 'bot-password', keyVaultUrl: vault::rolePassword.properties.secretUri, identity: identity.id }
      ]
    }
    template: {
      containers: [
        {
          name: 'migrate'
          image: image
          resources: { cpu: json('0.5'), memory: '1Gi' }
          command: ['/bin/sh', '-ec']
          args: ['python deploy/postgres/roles.py; exec python app.py migrate --grant-to ${botRole}']
          env: [
            { name: 'PROCALL_STATE__POSTGRES_DSN', secretRef: 'owner-dsn' }
            { name: 'BOT_PASSWORD', secretRef: 'bot-password' }
          ]
        }
      ]
    }
  }
  dependsOn: [mayRead, postgres::nex]
}

@description('Where Teams sends messages to; it stands in the Azure Bot already.')
output endpoint string = bot.properties.endpoint

@description('For teams.app_id and `python app.py pack`.')
output applicationId string = botAppId

@description('The PostgreSQL server, reachable from inside the network only.')
output postgresHost string = postgres.properties.fullyQualifiedDomainName
